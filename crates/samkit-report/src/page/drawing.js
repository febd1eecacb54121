// Objects over a picture.

/** The colour of object number `index`: hues a golden angle apart, as in the overlays on disk. */
function color(index) {
  const tones = [[0.85, 1], [0.6, 0.95], [1, 0.8], [0.7, 0.75], [0.9, 0.9]];
  const [saturation, value] = tones[index % tones.length];
  const hue = (0.58 + index * 0.618034) % 1;
  const channel = (offset) => {
    const k = (offset + hue * 6) % 6;
    return Math.round(255 * value * (1 - saturation * Math.max(0, Math.min(k, 4 - k, 1))));
  };
  return `rgb(${channel(5)} ${channel(3)} ${channel(1)})`;
}

/** A drawing that lies exactly over a picture shown with `object-fit: contain`. */
function drawing(picture, children, attributes = {}) {
  const viewBox = `0 0 ${picture.width} ${picture.height}`;
  return svgElement("svg", { viewBox, preserveAspectRatio: "xMidYMid meet", ...attributes }, ...children);
}

/** An object for a small picture: one path. */
function smallShape(object, index) {
  const kind = object.mask ? "mask" : "box";
  return svgElement("path", { class: kind, d: object.path, style: `--color: ${color(index)}` });
}

/** An object to be looked at: the coloured line lies on a wider one that reads on any image. */
function largeShape(object, index) {
  const kind = object.mask ? "mask" : "box";
  const paths = ["under", "over"].map((part) => svgElement("path", { class: part, d: object.path }));
  return svgElement("g", { class: `object ${kind}`, style: `--color: ${color(index)}` }, ...paths);
}
