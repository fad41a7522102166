// A poster wiggles between the two views of its film while somebody points at it, or has come to it by keyboard.
import { PACKINGS } from './stereo.js';

const WIGGLE_MS = 180;
/** Who only passes by asks for no film. */
const STAYS_MS = 200;
/** Where in the film: by then it has begun. */
const PLACE = 0.25;

const still = matchMedia('(prefers-reduced-motion: reduce)');
let [looked, stop] = [null, () => {}];

function look(card) {
  if (card === looked) return;
  stop();
  looked = card;
  const poster = card?.querySelector('.poster[data-film]');
  const packing = PACKINGS[poster?.dataset.layout];
  if (!packing || packing.flat || still.matches) return;
  const video = Object.assign(document.createElement('video'), { muted: true, preload: 'auto' });
  const canvas = document.createElement('canvas');
  const context = canvas.getContext('2d');
  let timer = setTimeout(() => { video.src = poster.dataset.film; }, STAYS_MS);
  let views = [packing.left, packing.right];
  const draw = () => {
    const [x, y, width, height] = views[0];
    const [wide, high] = [video.videoWidth, video.videoHeight];
    context.drawImage(video, x * wide, y * high, width * wide, height * high, 0, 0, canvas.width, canvas.height);
    views = views.toReversed();
  };
  video.addEventListener('loadedmetadata', () => { video.currentTime = video.duration * PLACE; });
  video.addEventListener('seeked', () => {
    if (looked !== card || !video.videoWidth) return;
    canvas.width = poster.clientWidth;
    canvas.height = Math.round((canvas.width * video.videoHeight) / video.videoWidth / packing.stretch);
    draw();
    poster.append(canvas);
    timer = setInterval(draw, WIGGLE_MS);
  });
  stop = () => {
    clearTimeout(timer);
    canvas.remove();
    video.removeAttribute('src');
    video.load();
    [looked, stop] = [null, () => {}];
  };
}

const cardOf = (event) => event.target.closest?.('.card');
for (const sign of ['pointerover', 'focusin']) document.addEventListener(sign, (event) => look(cardOf(event)));
document.addEventListener('focusout', () => stop());
document.documentElement.addEventListener('pointerleave', () => stop());
