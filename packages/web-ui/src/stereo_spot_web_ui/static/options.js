// The options of a new conversion: words that set parameters, a look at a few moments, and the start.
import { ask, clock, complain, size } from './api.js';
import { byArrows, mark } from './radios.js';
import { mix } from './stereo.js';

const WIGGLE_MS = 180;
const SETTLE_MS = 500;
const TYPED = { convergence: (text) => (text === 'auto' ? text : Number(text)), screen_cm: (text) => (text === '' ? null : Number(text)) };
const NUMBERS = new Set(['max_disparity', 'foreground_scale', 'segment_seconds']);

const page = document.querySelector('[data-new]');
const form = page.querySelector('[data-options-form]');
const base = JSON.parse(form.dataset.params);
const fields = new Map([...form.querySelectorAll('[data-param]')].map((field) => [field.dataset.param, field]));
const jobs = () => [...page.querySelectorAll('[data-uploads] li[data-job]')];

/** The parameters as the form says them. */
function params() {
  const chosen = { ...base };
  for (const [name, field] of fields) {
    if (field.type === 'checkbox') chosen[name] = field.checked;
    else if (name in TYPED) chosen[name] = TYPED[name](field.value.trim());
    else chosen[name] = NUMBERS.has(name) ? Number(field.value.replace(',', '.')) : field.value;
  }
  return chosen;
}

/** Each choice in words is made where the parameters are what it sets. */
function reflect() {
  const now = params();
  for (const group of ['screen', 'strength', 'tempo']) {
    const radios = [...form.elements[group]];
    const fits = radios.filter((radio) => Object.entries(JSON.parse(radio.dataset.sets)).every(([name, value]) => now[name] === value));
    const best = fits.sort((a, b) => Object.keys(JSON.parse(b.dataset.sets)).length - Object.keys(JSON.parse(a.dataset.sets)).length)[0];
    for (const radio of radios) radio.checked = radio === best;
  }
}

form.addEventListener('input', (event) => {
  const sets = event.target.dataset.sets;
  if (sets) {
    if (event.target.name === 'screen') fields.get('codec').value = base.codec;
    for (const [name, value] of Object.entries(JSON.parse(sets))) fields.get(name).value = value;
  } else if (event.target.dataset.param) reflect();
  form.querySelector('[data-refused]').hidden = true;
  estimate();
  lookSoon();
});

form.addEventListener('submit', async (event) => {
  event.preventDefault();
  const button = form.querySelector('button[type="submit"]');
  button.disabled = true;
  try {
    const rows = jobs();
    for (const row of rows) {
      if (row.dataset.started !== undefined && row.dataset.here !== undefined) continue; // it is under way already
      await ask('PATCH', `/api/v1/jobs/${row.dataset.job}`, { params: params() });
      await ask('POST', `/api/v1/jobs/${row.dataset.job}/start`);
      row.dataset.started = '';
    }
    leave();
  } catch (error) {
    const refused = form.querySelector('[data-refused]');
    refused.textContent = error.message;
    refused.hidden = false;
  } finally {
    button.disabled = false;
  }
});

/** When everything was started and has arrived, the page has nothing left to do. */
function leave() {
  const rows = jobs();
  if (!rows.length || !rows.every((row) => row.dataset.started !== undefined && row.dataset.here !== undefined)) return;
  location.assign(rows.length === 1 ? `/jobs/${rows[0].dataset.job}` : '/');
}

page.addEventListener('uploads-changed', () => {
  const rows = jobs();
  page.querySelector('[data-options]').hidden = !rows.length;
  form.querySelector('[data-start-note]').hidden = rows.every((row) => row.dataset.here !== undefined);
  leave();
  estimate();
  lookSoon();
});

/* What it will take: by earlier conversions that were alike, and nothing where there was none */
const rates = JSON.parse(form.dataset.rates);
let measured = null; // what is known of one video: its job, its size, and which estimator the chosen depth means

function estimate() {
  const [place, now] = [form.querySelector('[data-estimate]'), params()];
  const [row, ...others] = jobs();
  const isKnown = measured?.frames && measured.asked === now.depth && measured.job === row?.dataset.job && !others.length;
  const known = isKnown ? measured : null;
  const megapixels = known ? (known.width * known.height * known.frames) / 1e6 : 0;
  const seconds = megapixels * rates.seconds[`${known?.depth} ${now.depth_profile} ${now.quality}`];
  const bytes = megapixels * rates.bytes[`${now.layout} ${now.quality}`];
  const said = [];
  if (seconds) said.push(place.dataset.time.replace('{time}', clock(rounded(seconds))));
  if (bytes) said.push(place.dataset.size.replace('{size}', size(Number(bytes.toPrecision(2)))));
  place.textContent = said.join(' ');
  place.hidden = !said.length;
}

/** No more exact than an estimate is. */
function rounded(seconds) {
  const step = seconds > 3600 ? 300 : seconds > 600 ? 60 : seconds > 60 ? 10 : 1;
  return Math.max(step, Math.round(seconds / step) * step);
}

/* A look at a few moments */
const shelf = form.querySelector('[data-moments]');
let [shown, asking, asked, look, timer, under] = ['', '', null, 'wiggle', 0, []];
const still = matchMedia('(prefers-reduced-motion: reduce)');

function lookSoon() {
  clearTimeout(timer);
  timer = setTimeout(() => lookNow().catch(complain), SETTLE_MS);
}

async function lookNow() {
  const row = jobs().find((one) => one.dataset.here !== undefined);
  if (!shelf || !row || row.dataset.started !== undefined) return;
  const wanted = { params: { ...params(), layout: 'full-sbs', codec: 'auto', quality: 'balanced' } };
  const key = row.dataset.job + JSON.stringify(wanted);
  if (key === asking) return; // other videos that arrive meanwhile change nothing of it
  asked?.abort();
  asking = key === shown ? '' : key;
  setBusy(asking !== '');
  if (!asking) return;
  asked = new AbortController();
  const { signal } = asked;
  try {
    const found = await ask('POST', `/api/v1/jobs/${row.dataset.job}/moments`, wanted, { signal });
    await draw(found, signal);
    shown = key;
    measured = { ...found, job: row.dataset.job, asked: wanted.params.depth };
    estimate();
  } catch (error) {
    if (signal.aborted) return;
    shown = '';
    shelf.replaceChildren(Object.assign(document.createElement('p'), { className: 'notice bad', textContent: error.message }));
  }
  asking = '';
  setBusy(false);
}

function setBusy(is) {
  shelf.classList.toggle('busy', is);
  shelf.setAttribute('aria-busy', String(is));
}

/** Show what was found, unless something else is asked for by then. */
async function draw(found, signal) {
  const made = await Promise.all(
    found.moments.map(async (moment) => {
      const pictures = {};
      for (const name of ['picture', 'depth', 'left', 'right']) pictures[name] = await picture(moment[name]);
      pictures.anaglyph = anaglyph(pictures.left, pictures.right);
      const canvas = Object.assign(document.createElement('canvas'), { width: pictures.left.width, height: pictures.left.height });
      canvas.setAttribute('role', 'img');
      const figure = document.createElement('figure');
      const caption = Object.assign(document.createElement('figcaption'), { textContent: clock(moment.seconds) });
      canvas.setAttribute('aria-label', caption.textContent);
      figure.append(canvas, caption);
      return { pictures, canvas, figure };
    }),
  );
  signal.throwIfAborted();
  under = made;
  const note = found.depth === 'basic' ? [Object.assign(document.createElement('p'), { className: 'soft small', textContent: shelf.dataset.basic })] : [];
  shelf.replaceChildren(...made.map((one) => one.figure), ...note);
  paint(0);
}

async function picture(address) {
  const image = new Image();
  image.src = address;
  await image.decode();
  return image;
}

function pixels(image) {
  const canvas = new OffscreenCanvas(image.width, image.height);
  const context = canvas.getContext('2d', { willReadFrequently: true });
  context.drawImage(image, 0, 0);
  return context.getImageData(0, 0, image.width, image.height);
}

function anaglyph(left, right) {
  const [a, b] = [pixels(left), pixels(right)];
  const canvas = new OffscreenCanvas(left.width, left.height);
  mix(a.data, b.data, a.data);
  canvas.getContext('2d').putImageData(a, 0, 0);
  return canvas;
}

let side = 0;
function paint() {
  for (const { pictures, canvas } of under) {
    const name = look === 'wiggle' ? (side ? 'right' : 'left') : look;
    canvas.getContext('2d').drawImage(pictures[name], 0, 0);
  }
}
setInterval(() => {
  if (look !== 'wiggle' || still.matches || document.hidden) return;
  side = 1 - side;
  paint();
}, WIGGLE_MS);

const looks = form.querySelector('[data-looks]');
function chooseLook(button) {
  look = button.dataset.look;
  mark(looks, button);
  paint();
}
if (looks) {
  looks.addEventListener('click', (event) => event.target.dataset.look && chooseLook(event.target));
  byArrows(looks, chooseLook);
  chooseLook(looks.querySelector(still.matches ? '[data-look="anaglyph"]' : '[data-look="wiggle"]'));
}

reflect();
page.dispatchEvent(new CustomEvent('uploads-changed'));
