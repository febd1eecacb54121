// The data in the page. Summaries are read at once; cards are read when they are needed and forgotten
// when nothing shows them any more.

const sources = [...document.querySelectorAll("script.card")];
const summaries = [...document.querySelectorAll("script.summary")].map((source, index) => {
  const summary = JSON.parse(source.textContent);
  summary.index = index;
  summary.words = [summary.name, ...summary.labels.map(([label]) => label)].join("\n").toLowerCase();
  return summary;
});

/** Cards in use, by number: the card, its pictures' addresses, and how many places use it. */
const inUse = new Map();

/** Takes a card up. Every call asks for one of `putDown`. */
function takeUp(index) {
  let entry = inUse.get(index);
  if (!entry) {
    entry = { card: JSON.parse(sources[index].textContent), urls: new Map(), users: 0 };
    inUse.set(index, entry);
  }
  entry.users += 1;
  return entry;
}

function putDown(index) {
  const entry = inUse.get(index);
  entry.users -= 1;
  if (entry.users === 0) {
    entry.urls.forEach((url) => URL.revokeObjectURL(url));
    inUse.delete(index);
  }
}

/** A short address for a picture, so that two elements share what the browser decodes. */
function addressOf(entry, picture) {
  let url = entry.urls.get(picture);
  if (!url) {
    const [head, body] = picture.src.split(",", 2);
    const text = atob(body);
    const bytes = new Uint8Array(text.length);
    // `Uint8Array.from` with a function takes ten times as long.
    for (let place = 0; place < text.length; place += 1) bytes[place] = text.charCodeAt(place);
    url = URL.createObjectURL(new Blob([bytes], { type: head.slice(5, head.indexOf(";")) }));
    entry.urls.set(picture, url);
  }
  return url;
}

function image(entry, picture, alt) {
  const attributes = { width: picture.width, height: picture.height, alt, decoding: "async", draggable: "false" };
  return element("img", { ...attributes, src: addressOf(entry, picture) });
}

/** What a card has to show of the step called `step`: its last result of that name with a view. */
function resultOf(card, step) {
  return card.results.findLast((result) => result.step === step && hasView(result));
}

const hasView = (result) => result.objects !== null || result.picture !== null;
