// The settings page: light and language are this browser's, the rest is the server's.
import { ask, complain, tell, words } from './api.js';

function remember(name, value) {
  document.cookie = `${name}=${value}; path=/; max-age=31536000; samesite=lax`;
}

for (const choice of document.querySelectorAll('input[name="theme"]')) {
  choice.addEventListener('change', () => {
    remember('theme', choice.value);
    if (choice.value) document.documentElement.dataset.theme = choice.value;
    else delete document.documentElement.dataset.theme;
  });
}

document.querySelector('[data-language]').addEventListener('change', (event) => {
  remember('language', event.target.value);
  location.reload();
});

document.querySelector('[data-preferences]').addEventListener('submit', (event) => {
  event.preventDefault();
  const chosen = Object.fromEntries([...new FormData(event.target)].map(([name, value]) => [name, value === '' ? null : Number(value)]));
  ask('PUT', '/api/v1/preferences', chosen).then(() => tell(words.saved), complain);
});

document.addEventListener('click', (event) => {
  const fetching = event.target.closest('[data-fetch]');
  if (fetching) {
    fetching.disabled = true;
    ask('POST', `/api/v1/models/${fetching.dataset.fetch}/fetch?accept_licence=${fetching.dataset.licence ? 'true' : 'false'}`)
      .then(() => htmx.ajax('GET', '/settings/models', { target: '#models', swap: 'innerHTML' }))
      .catch(complain);
  }
  if (event.target.closest('[data-sign-out]')) ask('POST', '/sign-out').then(() => location.assign('/sign-in'), complain);
});
