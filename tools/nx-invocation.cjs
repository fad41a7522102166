// Loaded by ./nx before Nx: remembers where the user stands and the exact words of the command, for tools/stereo_spot.py.
// Why: Nx runs targets in the workspace root and hands arguments on through a shell, where a file name with $ or ` changes.
'use strict';
const path = require('node:path');

const root = path.dirname(__dirname);
process.env.INIT_CWD = process.cwd();
process.env.INIT_ARGV = JSON.stringify(process.argv.slice(2));
if (path.relative(root, process.cwd()).startsWith('..') || path.isAbsolute(path.relative(root, process.cwd()))) {
  process.chdir(root); // Nx looks for its workspace from here upwards
}
