#!/usr/bin/env node
// Runs a Python program for Nx targets, on every system: `node tools/run.mjs pytest ARGS…` runs pytest of the workspace's
// own .venv; `node tools/run.mjs system-python ARGS…` the first Python >= 3.11 on PATH (only needed to make .venv).
// Why not plain `python3`: Nx puts node's directory first on PATH, so that would be the system's own, perhaps old, Python.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { constants } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const windows = process.platform === 'win32';

const [program, ...args] = process.argv.slice(2);
const [command, ...flags] = program === 'system-python' ? systemPython() : workspaceProgram(program);
const child = spawn(command, [...flags, ...args], { cwd: root, stdio: 'inherit' });
process.on('SIGINT', () => {}); // the terminal sends Ctrl-C to the child as well: let it finish in its own way
process.on('SIGTERM', () => child.kill('SIGTERM'));
child.on('error', (error) => fail(`cannot start ${command}: ${error.message}`));
child.on('exit', (code, signal) => process.exit(code ?? 128 + constants.signals[signal]));

function workspaceProgram(name) {
  const path = join(root, '.venv', ...(windows ? ['Scripts', `${name}.exe`] : ['bin', name]));
  if (!existsSync(path)) fail(`${name} is not installed yet: run ./nx run stereo-spot:install-deps`);
  return [path];
}

function systemPython() {
  const names = ['python3', 'python3.14', 'python3.13', 'python3.12', 'python3.11', 'python'];
  const candidates = [...(windows ? [['py', '-3']] : []), ...names.map((name) => [name])];
  const found = candidates.find(
    ([command, ...flags]) =>
      spawnSync(command, [...flags, '-c', 'import sys; sys.exit(sys.version_info < (3, 11))'], { stdio: 'ignore' }).status === 0,
  );
  if (!found) fail('StereoSpot needs Python 3.11 or newer and none is on PATH: install it from https://www.python.org/downloads/');
  return found;
}

function fail(sentence) {
  console.error(`stereo-spot: ${sentence}`);
  process.exit(1);
}
