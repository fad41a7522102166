// Taking in videos: dropped anywhere, sent in parts, going on after a broken connection, a pause or a reload; or fetched by the server.
import { ask, clock, complain, csrf, size } from './api.js';
import { onFiles } from './dropping.js';
import { Upload } from './sending.js';

const PART_BYTES = 64 * 2 ** 20;
const RETRY_MS = [0, 500, 1000, 2000, 4000, 8000, 15000, 30000, 30000, 30000];
const SPEED_SECONDS = 10;
const FETCH_LOOK_MS = 1000;
/** So many files are sent at a time: a browser opens few connections to a server, and the page needs some for itself. */
const AT_ONCE = 2;

const page = document.querySelector('[data-new]');

/** A file is known again by this, after a reload. */
const nameOf = (file) => `upload:${file.name}:${file.size}:${file.lastModified}`;

onFiles(take);

/** Take in files; those that were begun before this page was loaded go on. */
export function take(files) {
  files.reduce((before, file) => before.then(() => begin(file)).catch(complain), Promise.resolve());
}

const list = page.querySelector('[data-uploads]');
const said = page.querySelector('[data-upload-words]').dataset;
const rows = () => [...list.querySelectorAll('li[data-job]')];

async function begin(file) {
  const known = localStorage.getItem(nameOf(file));
  if (known && list.querySelector(`li[data-job="${known}"][data-sending]`)) return; // chosen twice
  const shown = rows().find((row) => !('sending' in row.dataset || 'here' in row.dataset) && row.querySelector('.name').textContent === file.name);
  const job = (await awaiting(known, file)) ?? (await awaiting(shown?.dataset.job, file))
    ?? (await ask('POST', '/api/v1/jobs', { name: file.name, bytes: file.size }));
  if (job.source.is_here) { // its last part arrived when nobody listened any more
    localStorage.removeItem(nameOf(file));
    show(job);
    return;
  }
  localStorage.setItem(nameOf(file), job.id);
  send(file, job);
}

/** The job of this id, where it is about this file and was not set going. */
async function awaiting(id, file) {
  const job = id ? await ask('GET', `/api/v1/jobs/${id}`).catch(() => null) : null;
  const same = job?.source.name === file.name && job.source.bytes === file.size;
  return same && isOpen(job) && !job.source.url ? job : null;
}

const isOpen = (job) => ['created', 'uploading', 'ingesting'].includes(job.status);

/** The row of a job, as it is at the beginning. */
function rowOf(job) {
  const old = list.querySelector(`li[data-job="${job.id}"]`);
  const row = page.querySelector('[data-upload-row]').content.firstElementChild.cloneNode(true);
  row.dataset.job = job.id;
  if (job.start_when_uploaded) row.dataset.started = '';
  row.querySelector('.name').textContent = job.source.name;
  row.querySelector('progress').setAttribute('aria-label', job.source.name);
  if (old) old.replaceWith(row);
  else list.append(row);
  return row;
}

/* Whose turn it is */
const sending = new Set();
let queue = [];

function wait(upload) {
  queue.push(upload);
  next();
}

function release(upload) {
  sending.delete(upload);
  queue = queue.filter((one) => one !== upload);
  next();
}

function next() {
  while (sending.size < AT_ONCE && queue.length) {
    const upload = queue.shift();
    sending.add(upload);
    upload.start();
  }
}

function send(file, job) {
  const row = rowOf(job);
  row.dataset.sending = '';
  const [told, bar, pause] = [row.querySelector('[data-told]'), row.querySelector('progress'), row.querySelector('[data-pause]')];
  const samples = [];
  const upload = new Upload(file, {
    uploadUrl: new URL(job.upload_url, location.href).href,
    chunkSize: PART_BYTES,
    retryDelays: RETRY_MS,
    storeFingerprintForResuming: false,
    headers: { 'X-CSRF-Token': csrf },
    onShouldRetry: (error) => {
      const status = error.status ?? error.originalResponse?.getStatus() ?? 0;
      if (status === 0 || status === 409 || status >= 500) {
        told.textContent = said.again;
        samples.length = 0; // time without a line says nothing about its speed
        return true;
      }
      return false;
    },
    onProgress: (sent, all) => {
      bar.value = all ? sent / all : 1;
      samples.push([performance.now(), sent]);
      while (samples.length > 2 && samples[1][0] < performance.now() - SPEED_SECONDS * 1000) samples.shift();
      const [[t0, s0], [t1, s1]] = [samples[0], samples.at(-1)];
      const speed = t1 > t0 ? ((s1 - s0) / (t1 - t0)) * 1000 : 0;
      if (speed > 0) told.textContent = said.left.replace('{speed}', size(speed)).replace('{time}', clock((all - sent) / speed));
    },
    onError: (error) => {
      hold();
      complain(error.originalResponse ? new Error(sentenceOf(error.originalResponse) ?? error.message) : error);
    },
    onSuccess: () => {
      localStorage.removeItem(nameOf(file));
      release(upload);
      arrived(row);
    },
  });
  const goOn = () => {
    delete pause.dataset.paused;
    pause.textContent = said.pause;
    samples.length = 0;
    told.textContent = said.queued;
    wait(upload);
  };
  const hold = () => {
    pause.dataset.paused = '';
    pause.textContent = said.resume;
    told.textContent = said.paused;
    release(upload);
  };
  pause.hidden = false;
  pause.addEventListener('click', () => {
    if (pause.dataset.paused !== undefined) goOn();
    else upload.abort().then(hold, complain);
  });
  row.querySelector('[data-drop-it]').addEventListener('click', async () => {
    await upload.abort();
    release(upload);
    localStorage.removeItem(nameOf(file));
    forget(row);
  });
  goOn();
  changed();
}

/** What the server says went wrong; undefined where somebody between here and there answered. */
function sentenceOf(response) {
  try {
    return JSON.parse(response.getBody()).detail;
  } catch {
    return undefined;
  }
}

function arrived(row) {
  delete row.dataset.sending;
  row.dataset.here = '';
  row.querySelector('progress').value = 1;
  row.querySelector('[data-told]').textContent = said.here;
  row.querySelector('[data-pause]').hidden = true;
  changed();
}

/** Watch the server fetch a video until it is here, or will not come. */
async function follow(row) {
  const [told, bar] = [row.querySelector('[data-told]'), row.querySelector('progress')];
  while (row.isConnected) {
    const job = await ask('GET', `/api/v1/jobs/${row.dataset.job}`)
      .catch((error) => (error.status === 404 ? { status: 'cancelled' } : null)); // removed meanwhile; else the next look tells
    if (job?.source?.is_here || job?.status === 'completed') { // which may have cost it its source
      arrived(row);
      return;
    }
    if (job?.error || job?.status === 'cancelled') {
      row.remove();
      changed();
      if (job.error) complain(new Error([job.error.message, job.error.hint].filter(Boolean).join(' ')));
      return;
    }
    if (job) {
      if (job.source.bytes) bar.value = job.source.received / job.source.bytes;
      else bar.removeAttribute('value');
      told.textContent = job.progress.waiting ?? said.fetched.replace('{size}', size(job.source.received ?? 0));
    }
    await new Promise((resolve) => setTimeout(resolve, FETCH_LOOK_MS));
  }
}

function forget(row) {
  ask('DELETE', `/api/v1/jobs/${row.dataset.job}`).catch(complain);
  row.remove();
  changed();
}

/** The address names the videos of this page, so that it shows them after a reload. The options listen: there is a video, there is none, it is here. */
function changed() {
  const ids = rows().map((row) => row.dataset.job);
  const own = location.pathname.split('/')[2];
  const others = ids.filter((id) => id !== own);
  const path = ids.includes(own) ? `/new/${own}` : '/new';
  history.replaceState(history.state, '', others.length ? `${path}?jobs=${others}` : path);
  page.dispatchEvent(new CustomEvent('uploads-changed'));
}

/** A job that is not being sent from here: it is here already, or its file has to be chosen (again). */
function show(job) {
  const row = rowOf(job);
  row.querySelector('[data-drop-it]').addEventListener('click', () => forget(row));
  if (job.source.is_here) arrived(row);
  else if (job.source.url) {
    changed();
    follow(row);
  } else {
    row.querySelector('progress').value = job.source.bytes ? job.source.received / job.source.bytes : 0;
    row.querySelector('[data-told]').textContent = said.missing;
    changed();
  }
}

const named = new URLSearchParams(location.search).get('jobs')?.split(',') ?? [];
for (const id of [...rows().map((row) => row.dataset.job), ...named]) {
  ask('GET', `/api/v1/jobs/${encodeURIComponent(id)}`).then((job) => {
    const taken = list.querySelector(`li[data-job="${job.id}"][data-sending]`); // its file was chosen meanwhile
    if (!taken && isOpen(job)) show(job);
  }, () => {}); // one that was removed meanwhile
}
for (const button of page.querySelectorAll('[data-import]')) {
  button.addEventListener('click', async () => {
    button.disabled = true;
    try {
      show(await ask('POST', '/api/v1/jobs/import', { path: button.dataset.import }));
    } catch (error) {
      complain(error);
    } finally {
      button.disabled = false;
    }
  });
}
page.querySelector('[data-from-url]')?.addEventListener('submit', async (event) => {
  event.preventDefault();
  const [form, button] = [event.target, event.target.querySelector('button')];
  button.disabled = true;
  try {
    const job = await ask('POST', '/api/v1/jobs/url', { url: form.elements.url.value });
    form.reset();
    show(job);
  } catch (error) {
    complain(error);
  } finally {
    button.disabled = false;
  }
});
addEventListener('beforeunload', (event) => {
  if (list.querySelector('[data-sending]')) event.preventDefault();
});
