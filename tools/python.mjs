#!/usr/bin/env node
// Runs Python for Nx targets on every system: `node tools/python.mjs ARGS…` runs the workspace's own interpreter (.venv),
// `node tools/python.mjs --system ARGS…` the first Python >= 3.11 found on PATH (only to make .venv).
// Why not `python3`: Nx puts node's directory first on PATH, so `python3` may be the system's old one there.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { constants } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const windows = process.platform === 'win32';
const args = process.argv.slice(2);

const [interpreter, rest] = args[0] === '--system' ? [systemPython(), args.slice(1)] : [workspacePython(), args];
const child = spawn(interpreter[0], [...interpreter.slice(1), ...rest], { cwd: root, stdio: 'inherit' });
// Ctrl-C reaches the child through the terminal; what is sent to this process alone is passed on.
process.on('SIGINT', () => {});
process.on('SIGTERM', () => child.kill('SIGTERM'));
child.on('error', (error) => fail(`cannot start ${interpreter[0]}: ${error.message}`));
child.on('exit', (code, signal) => process.exit(code ?? 128 + constants.signals[signal]));

function workspacePython() {
  const path = join(root, '.venv', ...(windows ? ['Scripts', 'python.exe'] : ['bin', 'python']));
  if (!existsSync(path)) fail('there is no .venv yet: run ./nx run stereo-spot:install-deps');
  return [path];
}

function systemPython() {
  const names = ['python3', 'python3.14', 'python3.13', 'python3.12', 'python3.11', 'python'];
  const candidates = [...(windows ? [['py', '-3']] : []), ...names.map((name) => [name])];
  const recent = ([command, ...flags]) =>
    spawnSync(command, [...flags, '-c', 'import sys; sys.exit(sys.version_info < (3, 11))'], { stdio: 'ignore' }).status === 0;
  const found = candidates.find(recent);
  if (!found) fail('StereoSpot needs Python 3.11 or newer, and none is on PATH: install it from https://www.python.org/downloads/');
  return found;
}

function fail(sentence) {
  console.error(`stereo-spot: ${sentence}`);
  process.exit(1);
}
