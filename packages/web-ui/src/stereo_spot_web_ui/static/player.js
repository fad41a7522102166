// The player: one video, whose pictures hold both views; the shader takes them apart and shows them as people can see them.
import { ask, clock, complain } from './api.js';
import { byArrows, mark } from './radios.js';
import { GAMMA, LEFT, PACKINGS, RIGHT } from './stereo.js';

const WIGGLE_MS = 160;
const STEP_SECONDS = 5;
const IDLE_MS = 2500;
const root = document.querySelector('[data-player]');
const about = JSON.parse(root.dataset.player);
const part = (name) => root.querySelector(`[data-${name}]`);
const video = root.querySelector('video');
const canvas = root.querySelector('canvas');
const screen = part('screen');

const WHOLE = { left: [0, 0, 1, 1], right: [0, 0, 1, 1], stretch: 1, flat: true };
const packing = PACKINGS[about.layout] ?? WHOLE;

const VERTEX = `#version 300 es
in vec2 place; out vec2 at;
void main() { at = vec2(place.x, 1.0 - place.y); gl_Position = vec4(place * 2.0 - 1.0, 0.0, 1.0); }`;
const matrix = (rows) => `mat3(${[0, 1, 2].flatMap((column) => rows.map((row) => row[column].toFixed(4))).join(',')})`;
const FRAGMENT = `#version 300 es
precision highp float;
uniform sampler2D frame; uniform vec4 left; uniform vec4 right; uniform int mode; uniform float shift;
in vec2 at; out vec4 shown;
vec3 view(vec4 part, vec2 place, float moved) {
  vec2 inside = vec2(place.x + moved, place.y);
  if (inside.x < 0.0 || inside.x > 1.0) return vec3(0.0);
  return texture(frame, part.xy + clamp(inside, 0.001, 0.999) * part.zw).rgb;
}
void main() {
  vec3 colour;
  if (mode == 0) colour = view(left, at, shift);
  else if (mode == 1) colour = view(right, at, -shift);
  else if (mode == 2) {
    vec3 light = ${matrix(LEFT)} * pow(view(left, at, shift), vec3(${GAMMA.toFixed(1)}))
      + ${matrix(RIGHT)} * pow(view(right, at, -shift), vec3(${GAMMA.toFixed(1)}));
    colour = pow(clamp(light, 0.0, 1.0), vec3(${(1 / GAMMA).toFixed(6)}));
  } else {
    bool second = at.x >= 0.5;
    vec2 place = vec2(fract(at.x * 2.0), at.y);
    colour = second == (mode == 3) ? view(right, place, -shift) : view(left, place, shift);
  }
  shown = vec4(colour, 1.0);
}`;
const MODES = { '2d': 0, anaglyph: 2, 'side-by-side': 3, 'cross-eyed': 4 };

const state = { view: localStorage.getItem('view') ?? 'anaglyph', swapped: about.swapped, window: 0, wiggle: 0, drawn: false };
export const drawing = start();

function start() {
  const gl = canvas.getContext('webgl2', { preserveDrawingBuffer: true, alpha: false });
  if (!gl) return null;
  const program = gl.createProgram();
  for (const [kind, source] of [[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, FRAGMENT]]) {
    const shader = gl.createShader(kind);
    gl.shaderSource(shader, source);
    gl.compileShader(shader);
    gl.attachShader(program, shader);
  }
  gl.linkProgram(program);
  if (!gl.getProgramParameter(program, gl.LINK_STATUS)) return null;
  gl.useProgram(program);
  gl.bindBuffer(gl.ARRAY_BUFFER, gl.createBuffer());
  gl.bufferData(gl.ARRAY_BUFFER, new Float32Array([0, 0, 1, 0, 0, 1, 1, 1]), gl.STATIC_DRAW);
  const place = gl.getAttribLocation(program, 'place');
  gl.enableVertexAttribArray(place);
  gl.vertexAttribPointer(place, 2, gl.FLOAT, false, 0, 0);
  gl.bindTexture(gl.TEXTURE_2D, gl.createTexture());
  for (const side of [gl.TEXTURE_WRAP_S, gl.TEXTURE_WRAP_T]) gl.texParameteri(gl.TEXTURE_2D, side, gl.CLAMP_TO_EDGE);
  for (const filter of [gl.TEXTURE_MIN_FILTER, gl.TEXTURE_MAG_FILTER]) gl.texParameteri(gl.TEXTURE_2D, filter, gl.LINEAR);
  const uniforms = Object.fromEntries(['left', 'right', 'mode', 'shift'].map((name) => [name, gl.getUniformLocation(program, name)]));
  return { gl, uniforms };
}

/** Show the picture that the video is at. */
export function draw() {
  if (!drawing || video.readyState < 2) return;
  const { gl, uniforms } = drawing;
  const shape = aspect();
  const wide = Math.round(screen.clientWidth * devicePixelRatio);
  const high = Math.round(wide / shape);
  if (canvas.width !== wide || canvas.height !== high) [canvas.width, canvas.height] = [wide, high];
  gl.viewport(0, 0, wide, high);
  gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA, gl.RGBA, gl.UNSIGNED_BYTE, video);
  const [first, second] = parts();
  gl.uniform4fv(uniforms.left, first);
  gl.uniform4fv(uniforms.right, second);
  gl.uniform1i(uniforms.mode, state.view === 'wiggle' ? state.wiggle : (MODES[state.view] ?? 0));
  gl.uniform1f(uniforms.shift, state.view === '2d' ? 0 : state.window / 200);
  gl.drawArrays(gl.TRIANGLE_STRIP, 0, 4);
  state.drawn = true;
  root.dataset.drawn = state.view;
}

/** Where the left and the right eye's view lie in a picture. */
const parts = () => (state.swapped ? [packing.right, packing.left] : [packing.left, packing.right]);

/** Width by height of what is on the screen. */
function aspect() {
  const one = (video.videoWidth / video.videoHeight) * packing.stretch;
  return state.view === 'side-by-side' || state.view === 'cross-eyed' ? one * 2 : one;
}

/** The screen has the shape of what it shows, as large as the window lets it. */
function fit() {
  if (!video.videoWidth) return;
  screen.style.setProperty('--shape', aspect());
  requestAnimationFrame(draw);
}

function choose(view) {
  state.view = view;
  localStorage.setItem('view', view);
  mark(part('views'), root.querySelector(`[data-view="${view}"]`));
  fit();
}
const aspect2d = () => (video.videoWidth / video.videoHeight) * packing.stretch;

function swap() {
  state.swapped = !state.swapped;
  root.querySelector('[data-do="swap"]').setAttribute('aria-pressed', String(state.swapped !== about.swapped));
  draw();
}

/* Controls */
const buttons = {
  play: () => (video.paused ? video.play().catch(complain) : video.pause()),
  mute: () => { video.muted = !video.muted; },
  full: () => (document.fullscreenElement ? document.exitFullscreen() : root.requestFullscreen()),
  swap,
  headset: () => {
    const shown = { shape: aspect2d(), parts, words: () => captions[0].textContent, swap };
    import('./headset.js').then(({ enter }) => enter(video, shown)).catch(complain);
  },
};
for (const button of root.querySelectorAll('[data-do]')) button.addEventListener('click', () => buttons[button.dataset.do]());
const views = [...root.querySelectorAll('[data-view]')];
for (const button of views) button.addEventListener('click', () => choose(button.dataset.view));
const open = () => views.filter((one) => !one.disabled).map((one) => one.dataset.view);
byArrows(part('views'), (button) => choose(button.dataset.view));

const KEYS = {
  ' ': buttons.play,
  k: buttons.play,
  f: buttons.full,
  m: buttons.mute,
  s: swap,
  v: () => {
    const names = open();
    choose(names[(names.indexOf(state.view) + 1) % names.length]);
  },
  ArrowLeft: () => { video.currentTime -= STEP_SECONDS; },
  ArrowRight: () => { video.currentTime += STEP_SECONDS; },
  '+': () => moveWindow(0.2),
  '-': () => moveWindow(-0.2),
};
document.addEventListener('keydown', (event) => {
  const typing = event.target.closest('input:not([type="range"]), select, textarea');
  const pressing = event.key === ' ' && event.target.closest('button, a, summary');
  const sliding = event.target.closest('input[type="range"]') && event.key.startsWith('Arrow');
  const run = KEYS[event.key.length === 1 ? event.key.toLowerCase() : event.key];
  if (!run || typing || pressing || sliding || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  run();
});

function moveWindow(step) {
  part('window').value = Number(part('window').value) + step;
  part('window').dispatchEvent(new Event('input'));
}
part('window').addEventListener('input', (event) => {
  state.window = Number(event.target.value);
  draw();
});

/* On the full screen the controls go while nobody stirs and the video plays */
let rest = 0;
function stir() {
  delete root.dataset.idle;
  clearTimeout(rest);
  rest = setTimeout(() => { if (!video.paused) root.dataset.idle = ''; }, IDLE_MS);
}
for (const sign of ['pointermove', 'mousedown']) root.addEventListener(sign, stir);
root.addEventListener('touchstart', (event) => {
  if (root.matches(':fullscreen[data-idle]')) event.preventDefault(); // nobody saw what this tap would press
  stir();
}, { passive: false });
document.addEventListener('keydown', stir, { capture: true }); // also where nothing has the focus, or the views' arrows end it
for (const sign of ['play', 'pause']) video.addEventListener(sign, stir);

const seek = part('seek');
seek.addEventListener('input', () => { video.currentTime = Number(seek.value); });
video.addEventListener('loadedmetadata', () => {
  seek.max = video.duration;
  part('end').textContent = clock(video.duration);
  fit();
});
video.addEventListener('timeupdate', () => {
  seek.value = video.currentTime;
  seek.setAttribute('aria-valuetext', clock(video.currentTime));
  part('now').textContent = clock(video.currentTime);
});
for (const name of ['play', 'pause']) video.addEventListener(name, () => { part('play-sign').setAttribute('d', video.paused ? 'M5 3v14l12-7z' : 'M6 3v14M14 3v14'); });
video.addEventListener('volumechange', () => { part('sound-sign').setAttribute('d', video.muted ? 'm13 8 4 4m0-4-4 4' : 'M13 7q2 3 0 6M15.5 5q3.5 5 0 10'); });
for (const name of ['loadeddata', 'seeked']) video.addEventListener(name, draw);
addEventListener('resize', fit);
screen.addEventListener('click', (event) => {
  if (event.target === canvas) buttons.play();
});

function everyFrame() {
  draw();
  video.requestVideoFrameCallback(everyFrame);
}
if ('requestVideoFrameCallback' in video) video.requestVideoFrameCallback(everyFrame);
else setInterval(() => !video.paused && draw(), 33);
setInterval(() => {
  if (state.view !== 'wiggle' || document.hidden) return;
  state.wiggle = 1 - state.wiggle;
  draw();
}, WIGGLE_MS);

/* Subtitles: drawn by the page, for each eye where both views lie side by side, because the video itself is not seen */
const captions = [...root.querySelectorAll('[data-caption]')];
function caption(track) {
  const words = track ? [...(track.activeCues ?? [])].map((cue) => cue.getCueAsHTML().textContent).join('\n') : '';
  for (const place of captions) place.textContent = words;
}
part('subtitles')?.addEventListener('change', (event) => {
  for (const track of video.textTracks) [track.mode, track.oncuechange] = ['disabled', null];
  const chosen = event.target.value === '' ? null : video.textTracks[Number(event.target.value)];
  if (chosen) [chosen.mode, chosen.oncuechange] = ['hidden', () => caption(chosen)];
  caption(chosen);
});

/* A file that this browser cannot play */
const RENDITION_MS = 1000;
video.addEventListener('error', unplayable);
// Where a browser knows the sound but not the picture, it plays the sound and says nothing.
video.addEventListener('loadedmetadata', () => !video.videoWidth && unplayable());
async function unplayable() {
  const made = await ask('GET', `/api/v1/jobs/${part('rendition').dataset.rendition}/rendition`).catch(() => ({}));
  if (made.url && !video.src.endsWith(made.url)) video.src = made.url;
  else part('trouble').hidden = false;
}
part('rendition').addEventListener('click', async (event) => {
  const button = event.currentTarget;
  const place = `/api/v1/jobs/${button.dataset.rendition}/rendition`;
  const bar = part('trouble').querySelector('progress');
  button.disabled = true;
  bar.hidden = false;
  try {
    await ask('POST', place);
    for (;;) {
      const { url, fraction, note } = await ask('GET', place);
      if (url) {
        part('trouble').hidden = true;
        video.src = url;
        return;
      }
      if (note) throw new Error(note);
      bar.value = fraction;
      await new Promise((resolve) => { setTimeout(resolve, RENDITION_MS); });
    }
  } catch (error) {
    complain(error);
  } finally {
    button.disabled = false;
    bar.hidden = true;
  }
});
if (packing.flat) {
  state.view = '2d';
  for (const button of views) if (button.dataset.view !== '2d') button.disabled = true;
  for (const idle of root.querySelectorAll('[data-do="swap"], label:has([data-window])')) idle.hidden = true; // there are no two eyes
}
choose(open().includes(state.view) ? state.view : '2d');
navigator.xr?.isSessionSupported('immersive-vr').then((able) => {
  if (able && !packing.flat) root.querySelector('[data-do="headset"]').hidden = false;
}, () => {});
video.src = about.files[0];
