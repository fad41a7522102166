// The video on a large screen in a headset's browser (WebXR, by three.js): each eye is shown its own view.
import * as THREE from './vendor/three/three.module.js';

const SCREEN_METRES = 4;
const AWAY_METRES = 4;
const EYE_HEIGHT = 1.5;

/** Enter the headset; ends when the person leaves it. `packing` says where the views lie in the picture, `shape` is a view's width by height. */
export async function enter(video, packing, swapped, shape) {
  const renderer = new THREE.WebGLRenderer({ antialias: true });
  renderer.xr.enabled = true;
  renderer.xr.setReferenceSpaceType('local-floor');
  const session = await navigator.xr.requestSession('immersive-vr', { requiredFeatures: ['local-floor'] });
  const scene = new THREE.Scene();
  const camera = new THREE.PerspectiveCamera();
  camera.layers.enable(1);
  const parts = swapped ? [packing.right, packing.left] : [packing.left, packing.right];
  parts.forEach((part, eye) => scene.add(screenOf(video, part, shape, eye + 1)));
  renderer.setAnimationLoop(() => renderer.render(scene, camera));
  session.addEventListener('select', () => (video.paused ? video.play() : video.pause()));
  session.addEventListener('end', () => {
    renderer.setAnimationLoop(null);
    renderer.dispose();
  });
  await renderer.xr.setSession(session);
  await video.play();
}

/** A screen with one view, in the layer that only one eye sees (1 left, 2 right). */
function screenOf(video, [x, y, width, height], shape, layer) {
  const texture = new THREE.VideoTexture(video);
  texture.colorSpace = THREE.SRGBColorSpace;
  texture.repeat.set(width, height);
  texture.offset.set(x, 1 - y - height);
  const screen = new THREE.Mesh(
    new THREE.PlaneGeometry(SCREEN_METRES, SCREEN_METRES / shape),
    new THREE.MeshBasicMaterial({ map: texture, toneMapped: false }),
  );
  screen.position.set(0, EYE_HEIGHT, -AWAY_METRES);
  screen.layers.set(layer);
  return screen;
}
