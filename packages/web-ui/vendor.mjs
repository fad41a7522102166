// Gets the JavaScript of others by npm, at the versions of package-lock.json, and copies what the pages load into the package.
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, rmSync } from 'node:fs';

const TARGET = 'src/stereo_spot_web_ui/static/vendor';
const FILES = {
  'htmx.org': ['dist/htmx.min.js', 'dist/ext/hx-sse.min.js', 'LICENSE'],
  'tus-js-client': ['dist/tus.min.js', 'LICENSE'],
  three: ['build/three.module.js', 'build/three.core.js', 'LICENSE'],
};
const TEST_TARGET = 'tests/browser/vendor';
const TEST_FILES = { 'axe-core': ['axe.min.js', 'LICENSE'], iwer: ['build/iwer.min.js', 'LICENSE'] };

execFileSync('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'], {
  stdio: 'inherit',
  shell: process.platform === 'win32', // npm is a script there
});
copy(FILES, TARGET);
copy(TEST_FILES, TEST_TARGET);

function copy(packages, target) {
  rmSync(target, { recursive: true, force: true });
  for (const [name, files] of Object.entries(packages)) {
    mkdirSync(`${target}/${name}`, { recursive: true });
    for (const file of files) cpSync(`node_modules/${name}/${file}`, `${target}/${name}/${file.split('/').pop()}`);
  }
}
