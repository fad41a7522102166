// Gets the JavaScript of others by npm, at the versions of package-lock.json, and copies what the pages load into the package.
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, rmSync } from 'node:fs';

const FILES = {
  'htmx.org': ['dist/htmx.min.js', 'dist/ext/hx-sse.min.js', 'LICENSE'],
  'tus-js-client': ['dist/tus.min.js', 'LICENSE'],
  three: ['build/three.module.js', 'build/three.core.js', 'LICENSE'],
};
const TARGET = 'src/stereo_spot_web_ui/static/vendor';

execFileSync('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'], {
  stdio: 'inherit',
  shell: process.platform === 'win32', // npm is a script there
});
rmSync(TARGET, { recursive: true, force: true });
for (const [name, files] of Object.entries(FILES)) {
  mkdirSync(`${TARGET}/${name}`, { recursive: true });
  for (const file of files) cpSync(`node_modules/${name}/${file}`, `${TARGET}/${name}/${file.split('/').pop()}`);
}
