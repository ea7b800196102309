// Writes pictures small: with a palette, as a page of few colours allows.
import { crc32, deflateSync } from "node:zlib";

const most = 256;

/** The colours of a picture that stay: those that most of it has. */
function paletteOf(pixels) {
  const counts = new Map();
  for (const pixel of pixels) counts.set(pixel, (counts.get(pixel) ?? 0) + 1);
  return [...counts.entries()].sort((a, b) => b[1] - a[1]).slice(0, most).map(([pixel]) => pixel);
}

const channels = (pixel) => [pixel & 255, (pixel >> 8) & 255, (pixel >> 16) & 255];

/** The place of the colour of the palette that is nearest to this one. */
function nearest(palette, pixel) {
  const [r, g, b] = channels(pixel);
  let best = 0, least = Infinity;
  palette.forEach((other, i) => {
    const [r2, g2, b2] = channels(other);
    const distance = (r - r2) ** 2 + (g - g2) ** 2 + (b - b2) ** 2;
    if (distance < least) [best, least] = [i, distance];
  });
  return best;
}

function chunk(type, data) {
  const body = Buffer.concat([Buffer.from(type, "latin1"), data]);
  const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(data.length);
  sum.writeUInt32BE(crc32(body));
  return Buffer.concat([length, body, sum]);
}

/** A PNG with a palette (ISO/IEC 15948), of RGBA bytes. */
export function encode({ width, height, rgba }) {
  const pixels = new Uint32Array(rgba.buffer, rgba.byteOffset, width * height);
  const palette = paletteOf(pixels);
  const places = new Map(palette.map((pixel, i) => [pixel, i]));
  const rows = Buffer.alloc((width + 1) * height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const pixel = pixels[y * width + x];
      if (!places.has(pixel)) places.set(pixel, nearest(palette, pixel));
      rows[y * (width + 1) + 1 + x] = places.get(pixel);
    }
  }
  const head = Buffer.alloc(13);
  head.writeUInt32BE(width, 0);
  head.writeUInt32BE(height, 4);
  head.set([8, 3, 0, 0, 0], 8);
  return Buffer.concat([
    Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]), chunk("IHDR", head),
    chunk("PLTE", Buffer.from(palette.flatMap(channels))), chunk("IDAT", deflateSync(rows, { level: 9, memLevel: 9 })), chunk("IEND", Buffer.alloc(0)),
  ]);
}
