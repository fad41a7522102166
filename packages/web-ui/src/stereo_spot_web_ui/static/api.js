// Asking the server: every change carries the page's token, and what goes wrong arrives as a sentence.

export const words = document.getElementById('words').dataset;
export const csrf = document.querySelector('meta[name="csrf"]').content;

export class Problem extends Error {
  constructor(told, status) {
    super([told.detail, told.hint].filter(Boolean).join(' ') || words.failed);
    this.status = status;
    this.code = told.code;
  }
}

/** Send `body` as JSON; what comes back, or a Problem. */
export async function ask(method, path, body, options = {}) {
  let answer;
  try {
    answer = await fetch(path, {
      method,
      headers: { 'X-CSRF-Token': csrf, ...(body === undefined ? {} : { 'Content-Type': 'application/json' }), ...options.headers },
      body: body === undefined ? undefined : JSON.stringify(body),
      keepalive: options.keepalive,
      signal: options.signal,
    });
  } catch (error) {
    if (error.name === 'AbortError') throw error;
    throw new Problem({ detail: words.offline }, 0);
  }
  if (!answer.ok) throw new Problem(await answer.json().catch(() => ({})), answer.status);
  return answer.status === 204 ? null : answer.json();
}

/** Tell a person something for a moment; with `action` ({word, run}) they can do something about it. */
export function tell(text, { bad = false, action = null, seconds = 7 } = {}) {
  const toast = document.createElement('div');
  toast.className = bad ? 'toast bad' : 'toast';
  toast.append(Object.assign(document.createElement('span'), { textContent: text }));
  const close = () => {
    clearTimeout(timer);
    document.removeEventListener('keydown', escape);
    toast.remove();
  };
  const escape = (event) => event.key === 'Escape' && close();
  document.addEventListener('keydown', escape);
  const button = document.createElement('button');
  button.className = 'button push';
  button.textContent = action ? action.word : words.close;
  button.addEventListener('click', () => {
    close();
    action?.run();
  });
  toast.append(button);
  document.getElementById('toasts').append(toast);
  const timer = setTimeout(close, seconds * 1000);
  return close;
}

/** Tell what went wrong. */
export function complain(error) {
  if (error.name !== 'AbortError') tell(error.message, { bad: true, seconds: 12 });
}

/** `0:42`, `3:20`, `2:05:00`. */
export function clock(seconds) {
  const whole = Math.max(0, Math.round(seconds));
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const two = (number) => String(number).padStart(2, '0');
  return hours ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`;
}

/** Bytes, in powers of 1000. */
export function size(bytes) {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let step = 0;
  while (bytes >= 999.5 && step < units.length - 1) {
    bytes /= 1000;
    step += 1;
  }
  return `${bytes.toLocaleString(document.documentElement.lang, { maximumFractionDigits: bytes < 99.5 && step ? 1 : 0 })} ${units[step]}`;
}
