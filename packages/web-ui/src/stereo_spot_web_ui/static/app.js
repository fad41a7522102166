// What every page does: acts on jobs, keeps live parts alive, shows progress in the title.
import { ask, complain, tell, words } from './api.js';
import { offerNotifications } from './notifications.js';

const UNDO_SECONDS = 7;
const POLL_MS = 5000;
const QUIET_MS = 20000;
const ENDED = ['completed', 'failed', 'cancelled'];

document.addEventListener('click', (event) => {
  const button = event.target.closest('[data-act]');
  if (button) act(button).catch(complain);
  const copied = event.target.closest('[data-copy]');
  if (copied) navigator.clipboard?.writeText(copied.dataset.copy).then(() => tell(copied.dataset.copy), complain);
});

async function act(button) {
  const { act: verb, job } = button.dataset;
  if (verb === 'delete') return removeUnlessUndone(job, button.dataset.then);
  button.disabled = true;
  try {
    if (verb === 'duplicate') {
      const made = await ask('POST', `/api/v1/jobs/${job}/duplicate`, {});
      goTo(`/new/${made.id}`);
      return;
    }
    await ask('POST', `/api/v1/jobs/${job}/${verb}`);
    comeAnew();
  } finally {
    button.disabled = false;
  }
}

let leaving = false;

function goTo(address) {
  leaving = true;
  location.assign(address);
}

/** A page that somebody is leaving does not come back because its job has ended. */
function comeAnew() {
  if (!leaving) location.reload();
}

/** A job is removed when the moment for second thoughts is over; also where the page is left before. */
function removeUnlessUndone(job, then) {
  sessionStorage.setItem('removing', job);
  if (then && location.pathname !== then) goTo(then);
  else finishRemoving();
}

function finishRemoving() {
  const job = sessionStorage.getItem('removing');
  if (!job) return;
  const card = document.getElementById(`card-${job}`);
  if (card) card.hidden = true;
  let decided = false;
  const remove = (keepalive) => {
    if (decided) return;
    decided = true;
    sessionStorage.removeItem('removing');
    ask('DELETE', `/api/v1/jobs/${job}`, undefined, { keepalive }).then(() => card?.remove(), (error) => {
      if (card) card.hidden = false;
      complain(error);
    });
  };
  const timer = setTimeout(() => remove(false), UNDO_SECONDS * 1000);
  addEventListener('pagehide', () => remove(true));
  tell(words.deleted, {
    seconds: UNDO_SECONDS,
    action: {
      word: words.undo,
      run: () => {
        decided = true;
        clearTimeout(timer);
        sessionStorage.removeItem('removing');
        if (card) card.hidden = false;
      },
    },
  });
}

/** The job that a page is about: its title says how far it is, and the page comes anew when the job has ended. */
function follow(live) {
  let heard = Date.now();
  const titled = document.title;
  const show = () => {
    const state = live.querySelector('[data-state]')?.dataset;
    if (!state) return;
    const over = ENDED.includes(state.status);
    document.title = over ? titled : `${Math.floor(Number(state.fraction) * 100)} % · ${titled}`;
    if (over) comeAnew();
  };
  const note = () => {
    heard = Date.now();
    show();
  };
  live.addEventListener('htmx:sse:after:message', note);
  live.addEventListener('htmx:after:swap', show);
  show();
  // Events that do not arrive (a proxy that keeps them, say) are asked for.
  setInterval(async () => {
    if (document.hidden || Date.now() - heard < QUIET_MS) return;
    await htmx.ajax('GET', live.dataset.live, { target: live, swap: 'innerMorph' });
    show();
  }, POLL_MS);
}

// Times are written by the server, which cannot know the viewer's clock otherwise.
document.cookie = `zone=${Intl.DateTimeFormat().resolvedOptions().timeZone}; path=/; max-age=31536000; samesite=lax`;

finishRemoving();
const live = document.querySelector('[data-live]');
if (live) follow(live);
offerNotifications().catch(() => {});
