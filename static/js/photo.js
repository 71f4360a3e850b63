// A photo before it is sent: cut it to what matters, make the rest unreadable. Everything happens in this page.
// Two corners make an area: drag, tap twice, or move with the arrow keys and press Enter. Without this script the
// photo is sent as it is.
const LONGEST = 1600; // points along the longer side; a screen stays readable
const BLOCKS = 6; // an area that is made unreadable keeps so few blocks along its longer side
const SLOP = 8;
const STEP = 0.02;

const tool = document.querySelector("[data-photo-tool]");
const input = document.querySelector("input[type=file][name=photo]");

const start = () => {
  const canvas = tool.querySelector("canvas");
  const pen = canvas.getContext("2d");
  const said = tool.querySelector("[role=status]");
  const undo = tool.querySelector("[data-photo=undo]");
  const state = { picture: null, steps: [], mode: "hide", first: null, at: { x: 0.5, y: 0.5 }, keys: false };
  let down = null;

  const tell = (name) => { said.textContent = said.dataset[name]; };

  const draw = (to = null) => {
    const { picture } = state;
    canvas.width = picture.width;
    canvas.height = picture.height;
    pen.drawImage(picture, 0, 0);
    const width = Math.max(2, picture.width / 200);
    pen.lineWidth = width;
    const end = to ?? (state.keys ? state.at : null);
    if (state.first && end) {
      const [x, y, w, h] = area(state.first, end);
      for (const [colour, dash] of [["#000", []], ["#fff", [width * 3, width * 3]]]) {
        pen.strokeStyle = colour;
        pen.setLineDash(dash);
        pen.strokeRect(x, y, w, h);
      }
    }
    for (const point of [state.first, state.keys ? state.at : null]) if (point) cross(point, width);
    pen.setLineDash([]);
  };

  const cross = ({ x, y }, width) => {
    const { picture } = state;
    const [cx, cy, arm] = [x * picture.width, y * picture.height, width * 6];
    for (const [colour, thick] of [["#000", width * 2], ["#fff", width]]) {
      pen.strokeStyle = colour;
      pen.lineWidth = thick;
      pen.setLineDash([]);
      pen.beginPath();
      pen.moveTo(cx - arm, cy);
      pen.lineTo(cx + arm, cy);
      pen.moveTo(cx, cy - arm);
      pen.lineTo(cx, cy + arm);
      pen.stroke();
    }
  };

  const area = (a, b) => {
    const { picture } = state;
    const [x, y] = [Math.min(a.x, b.x), Math.min(a.y, b.y)];
    const [w, h] = [Math.abs(a.x - b.x), Math.abs(a.y - b.y)];
    return [x * picture.width, y * picture.height, w * picture.width, h * picture.height].map(Math.round);
  };

  const sheet = (width, height) => {
    const page = document.createElement("canvas");
    page.width = Math.max(1, Math.round(width));
    page.height = Math.max(1, Math.round(height));
    return page;
  };

  const cut = ([x, y, w, h]) => {
    const page = sheet(w, h);
    page.getContext("2d").drawImage(state.picture, -x, -y);
    return page;
  };

  const hide = ([x, y, w, h]) => {
    const page = sheet(state.picture.width, state.picture.height);
    const ink = page.getContext("2d");
    ink.drawImage(state.picture, 0, 0);
    const block = Math.max(w, h) / BLOCKS;
    const few = sheet(Math.ceil(w / block), Math.ceil(h / block));
    const small = few.getContext("2d");
    small.imageSmoothingQuality = "high";
    small.drawImage(state.picture, x, y, w, h, 0, 0, few.width, few.height);
    ink.imageSmoothingEnabled = false;
    ink.drawImage(few, x, y, w, h);
    return page;
  };

  // What will be sent is what is seen: the file of the form is written anew after each change.
  const keep = () => new Promise((done) => {
    state.picture.toBlob((blob) => {
      const files = new DataTransfer();
      files.items.add(new File([blob], "photo.jpg", { type: "image/jpeg" }));
      input.files = files.files;
      tool.dataset.kept = String(state.steps.length);
      done();
    }, "image/jpeg", 0.85);
  });

  const change = (a, b) => {
    const found = area(a, b);
    state.first = null;
    if (found[2] < SLOP || found[3] < SLOP) { draw(); return tell("small"); }
    state.steps.push(state.picture);
    state.picture = state.mode === "cut" ? cut(found) : hide(found);
    undo.disabled = false;
    draw();
    tell(state.mode === "cut" ? "cut" : "hidden");
    return keep();
  };

  const corner = (point) => {
    if (state.first) return change(state.first, point);
    state.first = point;
    draw();
    return tell("second");
  };

  const place = (event) => {
    const box = canvas.getBoundingClientRect();
    const within = (value) => Math.min(1, Math.max(0, value));
    return { x: within((event.clientX - box.left) / box.width), y: within((event.clientY - box.top) / box.height) };
  };

  canvas.addEventListener("pointerdown", (event) => {
    if (!event.isPrimary) return;
    state.keys = false;
    down = { x: event.clientX, y: event.clientY, point: place(event) };
    canvas.setPointerCapture(event.pointerId);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!down) return;
    if (Math.hypot(event.clientX - down.x, event.clientY - down.y) < SLOP) return;
    state.first = down.point;
    draw(place(event));
  });
  canvas.addEventListener("pointerup", (event) => {
    if (!down) return;
    const from = down;
    down = null;
    if (Math.hypot(event.clientX - from.x, event.clientY - from.y) < SLOP) corner(place(event));
    else change(from.point, place(event));
  });
  canvas.addEventListener("pointercancel", () => { down = null; state.first = null; draw(); });

  const MOVES = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  canvas.addEventListener("keydown", (event) => {
    const move = MOVES[event.key];
    if (move) {
      const far = event.shiftKey ? 5 * STEP : STEP;
      state.keys = true;
      state.at = { x: Math.min(1, Math.max(0, state.at.x + move[0] * far)), y: Math.min(1, Math.max(0, state.at.y + move[1] * far)) };
      draw();
    } else if (event.key === "Enter" || event.key === " ") {
      state.keys = true;
      corner({ ...state.at });
    } else if (event.key === "Escape" && state.first) {
      state.first = null;
      draw();
    } else return;
    event.preventDefault();
  });

  tool.addEventListener("change", (event) => {
    if (event.target.name !== "photo-mode") return;
    state.mode = event.target.value;
    state.first = null;
    draw();
    tell("first");
  });
  undo.addEventListener("click", async () => {
    state.picture = state.steps.pop() ?? state.picture;
    state.first = null;
    undo.disabled = !state.steps.length;
    draw();
    tell("undone");
    await keep();
  });

  input.addEventListener("change", async () => {
    const [file] = input.files;
    tool.hidden = true;
    if (!file) return;
    try {
      const found = await createImageBitmap(file, { imageOrientation: "from-image" });
      const less = Math.min(1, LONGEST / Math.max(found.width, found.height));
      state.picture = sheet(found.width * less, found.height * less);
      state.picture.getContext("2d").drawImage(found, 0, 0, state.picture.width, state.picture.height);
      found.close();
    } catch {
      return; // a kind of picture this browser cannot show: it is sent as it is, and the server looks at it
    }
    Object.assign(state, { steps: [], first: null, keys: false, at: { x: 0.5, y: 0.5 } });
    undo.disabled = true;
    tool.hidden = false;
    draw();
    tell("first");
    await keep();
  });

  // Where the camera opens by itself, a photo taken before can be chosen, too.
  const other = document.querySelector("[data-photo=other]");
  if (other && input.hasAttribute("capture")) {
    other.hidden = false;
    other.addEventListener("click", () => { input.removeAttribute("capture"); input.click(); });
  }
};

if (tool && input && window.createImageBitmap && window.DataTransfer) start();
