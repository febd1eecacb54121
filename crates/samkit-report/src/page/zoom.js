// A closer look in the viewer: the picture two and a half times as large, in a frame that scrolls.

const CLOSER = 2.5;

/** Comes closer, or goes back, and keeps the point of the window that is given where it is. */
function zoom(closer, x, y) {
  const frame = part(".frame");
  if ((closer && !part(".canvas")) || closer === frame.classList.contains("closer")) return;
  const around = frame.getBoundingClientRect();
  const [across, down] = [(x ?? around.x + around.width / 2) - around.x, (y ?? around.y + around.height / 2) - around.y];
  const scale = closer ? CLOSER : 1 / CLOSER;
  const [left, top] = [(frame.scrollLeft + across) * scale - across, (frame.scrollTop + down) * scale - down];
  frame.classList.toggle("closer", closer);
  frame.scrollTo(left, top);
  part("[name=closer]").setAttribute("aria-pressed", String(closer));
}

const turnZoom = (x, y) => zoom(!part(".frame").classList.contains("closer"), x, y);

part(".frame").addEventListener("dblclick", (event) => turnZoom(event.clientX, event.clientY));
part("[name=closer]").addEventListener("click", () => turnZoom());
