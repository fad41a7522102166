// The library: its list stays as it is on the server; and a dropped video opens the page for new conversions, and is taken in there.
import { complain, words } from './api.js';
import { onFiles } from './dropping.js';
import './posters.js';

const BUSY_MS = 2000;
const CALM_MS = 5000;
/** The server lists no more at a time. */
const MOST = 200;

let stop;
function listen() {
  stop = onFiles((files) => openNew(files).catch(complain));
}
listen();

// A page that is loaded anew would lose the files.
async function openNew(files) {
  stop();
  const fresh = await pageAt('/new').catch((error) => {
    listen();
    throw error;
  });
  document.getElementById('main').replaceChildren(...fresh.getElementById('main').childNodes);
  document.title = fresh.title;
  history.pushState(null, '', '/new');
  addEventListener('popstate', () => location.reload());
  document.querySelector('header nav [aria-current]')?.removeAttribute('aria-current');
  document.querySelector('header nav a[href="/new"]')?.setAttribute('aria-current', 'page');
  const [{ take }] = await Promise.all([import('./uploads.js'), import('./options.js')]);
  take(files);
}

/** Another page of the server; who is signed out is not shown the one for signing in instead. */
async function pageAt(path) {
  const answer = await fetch(path).catch(() => null);
  if (!answer?.ok || answer.redirected) throw new Error(answer ? words.failed : words.offline);
  return new DOMParser().parseFromString(await answer.text(), 'text/html');
}

/* Jobs are made, go on, end and are removed elsewhere, too: what is in sight is asked for again and again, and only what differs is changed */
const list = document.getElementById('list');
/** Nothing changes under the hands of who may still undo a removal, or looks at a film that wiggles. */
const isFree = () => !document.hidden && !sessionStorage.getItem('removing') && !list.querySelector('canvas');
const inSight = () => list.querySelectorAll('.card[id]').length;

async function refresh() {
  const [query, shown] = [location.search, inSight()];
  if (shown > MOST || !isFree()) return;
  const asked = new URLSearchParams(query);
  asked.set('shown', shown);
  const answer = await fetch(`/?${asked}`, { headers: { 'HX-Request': 'true' } });
  const text = await answer.text();
  const isStale = !list.isConnected || query !== location.search || shown !== inSight() || !isFree();
  if (answer.ok && !answer.redirected && !isStale) await htmx.swap({ sourceElement: list, target: list, swap: 'innerMorph', text });
}

function refreshSoon() {
  setTimeout(() => {
    if (list.isConnected) refresh().catch(() => {}).finally(refreshSoon); // a server that cannot be reached is asked again
  }, list.querySelector('.card progress') ? BUSY_MS : CALM_MS);
}
refreshSoon();
document.addEventListener('visibilitychange', () => list.isConnected && refresh().catch(() => {}));
