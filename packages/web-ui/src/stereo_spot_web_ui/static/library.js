// In the library a dropped video opens the page for new conversions, and is taken in there. A page that is loaded anew would lose it.
import { complain } from './api.js';
import { onFiles } from './dropping.js';

const stop = onFiles((files) => openNew(files).catch(complain));

async function openNew(files) {
  stop();
  const fresh = new DOMParser().parseFromString(await (await fetch('/new')).text(), 'text/html');
  document.getElementById('main').replaceChildren(...fresh.getElementById('main').childNodes);
  document.title = fresh.title;
  history.pushState(null, '', '/new');
  addEventListener('popstate', () => location.reload());
  for (const link of document.querySelectorAll('header nav a')) link.toggleAttribute('aria-current', link.pathname === '/new');
  const [{ take }] = await Promise.all([import('./uploads.js'), import('./options.js')]);
  take(files);
}
