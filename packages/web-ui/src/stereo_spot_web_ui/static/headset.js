// The video on a large screen in a headset's browser (WebXR, by three.js): each eye is shown its own view.
import * as THREE from './vendor/three/three.module.js';

const SCREEN_METRES = 4;
const AWAY_METRES = 4;
const EYE_HEIGHT = 1.5;
/** Words stand before the screen, so that nothing in the picture is nearer than they are. */
const WORDS_AWAY_METRES = 3.4;
const WORDS = { width: 1024, height: 192, font: '44px system-ui, sans-serif', line: 56 };

/**
 * Enter the headset; ends when the person leaves it. `shape` is a view's width by height; `parts()` says where the left and the
 * right eye's view lie in the picture, `words()` what is said at the moment, `swap()` exchanges the eyes. The trigger of a
 * controller plays and pauses, its grip swaps the eyes.
 */
export async function enter(video, { shape, parts, words, swap }) {
  const session = await navigator.xr.requestSession('immersive-vr', { requiredFeatures: ['local-floor'] });
  const renderer = new THREE.WebGLRenderer({ antialias: true });
  renderer.xr.enabled = true;
  renderer.xr.setReferenceSpaceType('local-floor');
  const [scene, camera] = [new THREE.Scene(), new THREE.PerspectiveCamera()];
  const screens = [1, 2].map((layer) => screenOf(video, shape, layer));
  const caption = captionBelow(shape);
  scene.add(...screens, caption.board);
  renderer.setAnimationLoop(() => {
    parts().forEach((part, eye) => aim(screens[eye].material.map, part));
    caption.say(words());
    renderer.render(scene, camera);
  });
  session.addEventListener('select', () => (video.paused ? video.play() : video.pause()));
  session.addEventListener('squeeze', swap);
  session.addEventListener('end', () => {
    renderer.setAnimationLoop(null);
    for (const { material, geometry } of [...screens, caption.board]) for (const held of [material.map, material, geometry]) held.dispose();
    renderer.dispose();
  });
  await renderer.xr.setSession(session);
  await video.play();
}

/** A screen in the layer that only one eye sees (1 left, 2 right). */
function screenOf(video, shape, layer) {
  const texture = new THREE.VideoTexture(video);
  texture.colorSpace = THREE.SRGBColorSpace;
  const screen = board(texture, SCREEN_METRES, SCREEN_METRES / shape);
  screen.position.set(0, EYE_HEIGHT, -AWAY_METRES);
  screen.layers.set(layer);
  return screen;
}

/** Show a part (x, y, width, height as shares, from the upper left) of a picture. */
function aim(texture, [x, y, width, height]) {
  texture.repeat.set(width, height);
  texture.offset.set(x, 1 - y - height);
}

/** A board for words at the screen's foot, which both eyes see; `say` writes on it. */
function captionBelow(shape) {
  const canvas = Object.assign(document.createElement('canvas'), { width: WORDS.width, height: WORDS.height });
  const context = canvas.getContext('2d');
  const texture = new THREE.CanvasTexture(canvas);
  texture.colorSpace = THREE.SRGBColorSpace;
  const wide = SCREEN_METRES * (WORDS_AWAY_METRES / AWAY_METRES);
  const high = (wide * WORDS.height) / WORDS.width;
  const shown = board(texture, wide, high);
  shown.material.transparent = true;
  shown.position.set(0, EYE_HEIGHT - (wide / shape) * 0.45 + high / 2, -WORDS_AWAY_METRES);
  let said = null;
  const say = (words) => {
    if (words === said) return;
    said = words;
    shown.visible = words !== '';
    context.clearRect(0, 0, WORDS.width, WORDS.height);
    Object.assign(context, { font: WORDS.font, textAlign: 'center', textBaseline: 'bottom', fillStyle: '#fff', strokeStyle: '#000', lineWidth: 8 });
    words.split('\n').reverse().forEach((line, number) => {
      const place = [line, WORDS.width / 2, WORDS.height - 8 - number * WORDS.line, WORDS.width];
      context.strokeText(...place);
      context.fillText(...place);
    });
    texture.needsUpdate = true;
  };
  return { board: shown, say };
}

function board(texture, width, height) {
  return new THREE.Mesh(new THREE.PlaneGeometry(width, height), new THREE.MeshBasicMaterial({ map: texture, toneMapped: false }));
}
