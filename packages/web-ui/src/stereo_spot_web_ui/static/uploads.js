// Taking in videos: dropped anywhere, sent in parts (tus), going on after a broken connection, a pause or a reload; or fetched by the server.
import { ask, clock, complain, csrf, size } from './api.js';
import { onFiles } from './dropping.js';

const PART_BYTES = 64 * 2 ** 20;
const RETRY_MS = [0, 500, 1000, 2000, 4000, 8000, 15000, 30000, 30000, 30000];
const SPEED_SECONDS = 10;
const FETCH_LOOK_MS = 1000;

const page = document.querySelector('[data-new]');

/** A file is known again by this, after a reload. */
const nameOf = (file) => `upload:${file.name}:${file.size}:${file.lastModified}`;

onFiles(take);

/** Take in files; those that were begun before this page was loaded go on. */
export function take(files) {
  for (const file of files) begin(file).catch(complain);
}

const list = page.querySelector('[data-uploads]');
const said = page.querySelector('[data-upload-words]').dataset;

async function begin(file) {
  const known = localStorage.getItem(nameOf(file));
  let job = known ? await ask('GET', `/api/v1/jobs/${known}`).catch(() => null) : null;
  if (!job?.upload_url) {
    const shown = list.querySelector('li[data-job]:not([data-sending])');
    const awaited = shown ? await ask('GET', `/api/v1/jobs/${shown.dataset.job}`).catch(() => null) : null;
    const same = awaited?.upload_url && awaited.source.name === file.name && awaited.source.bytes === file.size;
    job = same ? awaited : await ask('POST', '/api/v1/jobs', { name: file.name, bytes: file.size });
    localStorage.setItem(nameOf(file), job.id);
  }
  send(file, job);
}

function rowOf(id, name) {
  const old = list.querySelector(`li[data-job="${id}"]`);
  const row = page.querySelector('[data-upload-row]').content.firstElementChild.cloneNode(true);
  row.dataset.job = id;
  row.querySelector('.name').textContent = name;
  row.querySelector('progress').setAttribute('aria-label', name);
  if (old) old.replaceWith(row);
  else list.append(row);
  return row;
}

function send(file, job) {
  const row = rowOf(job.id, file.name);
  row.dataset.sending = '';
  const [told, bar, pause] = [row.querySelector('[data-told]'), row.querySelector('progress'), row.querySelector('[data-pause]')];
  const samples = [];
  const upload = new tus.Upload(file, {
    uploadUrl: new URL(job.upload_url, location.href).href,
    chunkSize: PART_BYTES,
    retryDelays: RETRY_MS,
    storeFingerprintForResuming: false,
    headers: { 'X-CSRF-Token': csrf },
    onShouldRetry: (error) => {
      const status = error.originalResponse?.getStatus() ?? 0;
      if (status === 0 || status === 409 || status >= 500) {
        told.textContent = said.again;
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
      delete row.dataset.sending;
      told.textContent = '';
      complain(error.originalResponse ? new Error(JSON.parse(error.originalResponse.getBody() || '{}').detail ?? error.message) : error);
    },
    onSuccess: () => {
      localStorage.removeItem(nameOf(file));
      arrived(row);
    },
  });
  pause.hidden = false;
  pause.addEventListener('click', () => {
    const paused = pause.dataset.paused === undefined;
    if (paused) {
      pause.dataset.paused = '';
      upload.abort();
    } else {
      delete pause.dataset.paused;
      samples.length = 0;
      upload.start();
    }
    pause.textContent = paused ? said.resume : said.pause;
    told.textContent = paused ? said.paused : '';
  });
  row.querySelector('[data-drop-it]').addEventListener('click', async () => {
    await upload.abort();
    localStorage.removeItem(nameOf(file));
    forget(row);
  });
  upload.start();
  changed();
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
    const job = await ask('GET', `/api/v1/jobs/${row.dataset.job}`).catch(() => null); // the next look tells
    if (job?.source.is_here) {
      arrived(row);
      return;
    }
    if (job?.error || job?.status === 'cancelled') {
      row.remove();
      changed();
      if (job.error) complain(new Error([job.error.message, job.error.hint].filter(Boolean).join(' ')));
      return;
    }
    if (job?.source.bytes) bar.value = job.source.received / job.source.bytes;
    else bar.removeAttribute('value');
    if (job) told.textContent = job.progress.waiting ?? said.fetched.replace('{size}', size(job.source.received ?? 0));
    await new Promise((resolve) => setTimeout(resolve, FETCH_LOOK_MS));
  }
}

function forget(row) {
  ask('DELETE', `/api/v1/jobs/${row.dataset.job}`).catch(complain);
  row.remove();
  changed();
}

/** The options listen to this: there is a video, there is none, it is here. */
function changed() {
  page.dispatchEvent(new CustomEvent('uploads-changed'));
}

for (const waiting of list.querySelectorAll('li[data-job]')) {
  const row = rowOf(waiting.dataset.job, waiting.dataset.name);
  row.querySelector('[data-drop-it]').addEventListener('click', () => forget(row));
  if (waiting.dataset.here !== undefined) arrived(row);
  else if (waiting.dataset.fetched !== undefined) follow(row);
  else row.querySelector('[data-told]').textContent = said.missing;
}
for (const button of page.querySelectorAll('[data-import]')) {
  button.addEventListener('click', async () => {
    button.disabled = true;
    try {
      const job = await ask('POST', '/api/v1/jobs/import', { path: button.dataset.import });
      const row = rowOf(job.id, job.source.name);
      row.querySelector('[data-drop-it]').addEventListener('click', () => forget(row));
      arrived(row);
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
    const row = rowOf(job.id, job.source.name);
    row.querySelector('[data-drop-it]').addEventListener('click', () => forget(row));
    changed();
    follow(row);
  } catch (error) {
    complain(error);
  } finally {
    button.disabled = false;
  }
});
addEventListener('beforeunload', (event) => {
  if (list.querySelector('[data-sending]')) event.preventDefault();
});
