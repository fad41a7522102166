// How stereo pictures are made up: where the views lie in them, and how red-cyan glasses see them.

/** Where each view lies in a picture: x, y, width, height as shares; and how wide a view is to be shown, for its height. */
export const PACKINGS = {
  'full-sbs': { left: [0, 0, 0.5, 1], right: [0.5, 0, 0.5, 1], stretch: 0.5 },
  'half-sbs': { left: [0, 0, 0.5, 1], right: [0.5, 0, 0.5, 1], stretch: 1 },
  'cross-eyed': { left: [0, 0, 0.5, 1], right: [0.5, 0, 0.5, 1], stretch: 0.5 },
  'full-tb': { left: [0, 0, 1, 0.5], right: [0, 0.5, 1, 0.5], stretch: 2 },
  'half-tb': { left: [0, 0, 1, 0.5], right: [0, 0.5, 1, 0.5], stretch: 1 },
  vr180: { left: [0, 0, 0.5, 1], right: [0.5, 0, 0.5, 1], stretch: 0.5 },
  rgbd: { left: [0, 0, 0.5, 1], right: [0, 0, 0.5, 1], stretch: 0.5, flat: true },
};

// Two views in one picture for red-cyan glasses: Dubois' least-squares matrices for linear light, rows are red, green, blue.
export const LEFT = [[0.437, 0.449, 0.164], [-0.062, -0.062, -0.024], [-0.048, -0.05, -0.017]];
export const RIGHT = [[-0.011, -0.032, -0.007], [0.377, 0.761, 0.009], [-0.026, -0.093, 1.234]];
export const GAMMA = 2.2;

const STEPS = 4096;
const toLight = Float32Array.from({ length: 256 }, (_, value) => (value / 255) ** GAMMA);
const fromLight = Uint8ClampedArray.from({ length: STEPS + 1 }, (_, step) => Math.round(255 * (step / STEPS) ** (1 / GAMMA)));

/** Mix the pixels (RGBA) of two views of one size into `out`. */
export function mix(left, right, out) {
  for (let at = 0; at < out.length; at += 4) {
    for (let channel = 0; channel < 3; channel += 1) {
      let light = 0;
      for (let of = 0; of < 3; of += 1) light += LEFT[channel][of] * toLight[left[at + of]] + RIGHT[channel][of] * toLight[right[at + of]];
      out[at + channel] = fromLight[Math.round(Math.min(1, Math.max(0, light)) * STEPS)];
    }
    out[at + 3] = 255;
  }
}
