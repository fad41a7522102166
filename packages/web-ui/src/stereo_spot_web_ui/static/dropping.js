// Videos that are dropped anywhere on a page, or chosen in its drop zone.

/** Have `take` given every list of files. */
export function onFiles(take) {
  const stop = new AbortController();
  const options = { signal: stop.signal };
  const chosen = (zone) => {
    if (zone.files.length) take([...zone.files]);
    zone.value = '';
  };
  addEventListener('change', (event) => event.target.matches('[data-drop] input') && chosen(event.target), options);
  for (const zone of document.querySelectorAll('[data-drop] input')) queueMicrotask(() => chosen(zone)); // before this page's scripts were here
  addEventListener('dragover', (event) => {
    if (![...event.dataTransfer.types].includes('Files')) return;
    event.preventDefault();
    document.body.classList.add('dragging');
  }, options);
  addEventListener('dragleave', (event) => {
    if (!event.relatedTarget) document.body.classList.remove('dragging');
  }, options);
  addEventListener('drop', (event) => {
    if (!event.dataTransfer.files.length) return;
    event.preventDefault();
    document.body.classList.remove('dragging');
    take([...event.dataTransfer.files]);
  }, options);
  return () => stop.abort();
}
