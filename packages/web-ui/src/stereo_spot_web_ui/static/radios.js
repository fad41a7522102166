// Buttons of which one is chosen: Tab reaches that one, the arrows choose another, as with radio buttons.

/** Have the radios of `group` chosen by arrows; `choose` is given the button. */
export function byArrows(group, choose) {
  group.addEventListener('keydown', (event) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (!step || event.altKey || event.ctrlKey || event.metaKey) return; // the browser's own: Alt and an arrow go back or forward
    event.preventDefault();
    event.stopPropagation();
    const open = [...group.querySelectorAll('[role="radio"]:not(:disabled)')];
    const next = open[(open.indexOf(event.target) + step + open.length) % open.length];
    choose(next);
    next.focus();
  });
}

/** Mark `chosen` as the one of its group. */
export function mark(group, chosen) {
  for (const radio of group.querySelectorAll('[role="radio"]')) {
    radio.setAttribute('aria-checked', String(radio === chosen));
    radio.tabIndex = radio === chosen ? 0 : -1;
  }
}
