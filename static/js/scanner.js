// Reads codes with the camera: the browser's own BarcodeDetector where it has one, else zxing-wasm, which is loaded
// only then. `read` gets each text once; the same one again only after a moment.
const AGAIN = 2500;
const PAUSE = 120;
const WIDEST = 960;
const NATIVE = ["qr_code", "code_128", "code_39", "codabar", "itf", "ean_13"];
const VENDORED = ["QRCode", "Code128", "Code39", "Codabar", "ITF", "EAN13"];

const native = async () => {
  if (!("BarcodeDetector" in window)) return null;
  const known = await window.BarcodeDetector.getSupportedFormats().catch(() => []);
  const formats = NATIVE.filter((format) => known.includes(format));
  if (!formats.includes("qr_code")) return null;
  const detector = new window.BarcodeDetector({ formats });
  return async (video) => (await detector.detect(video)).map((found) => found.rawValue);
};

const vendored = async ({ zxing, wasm }) => {
  const { prepareZXingModule, readBarcodes } = await import(zxing);
  prepareZXingModule({ overrides: { locateFile: () => wasm } });
  const canvas = document.createElement("canvas");
  const pen = canvas.getContext("2d", { willReadFrequently: true });
  return async (video) => {
    const scale = Math.min(1, WIDEST / video.videoWidth);
    canvas.width = Math.round(video.videoWidth * scale);
    canvas.height = Math.round(video.videoHeight * scale);
    pen.drawImage(video, 0, 0, canvas.width, canvas.height);
    const picture = pen.getImageData(0, 0, canvas.width, canvas.height);
    const found = await readBarcodes(picture, { formats: VENDORED, tryHarder: true, maxNumberOfSymbols: 2 });
    return found.filter((one) => one.isValid).map((one) => one.text);
  };
};

export const start = async (video, read, files) => {
  const stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" }, audio: false });
  let runs = true;
  const stop = () => {
    runs = false;
    stream.getTracks().forEach((track) => track.stop());
    video.srcObject = null;
  };
  try {
    video.srcObject = stream;
    await video.play();
    const look = (await native()) ?? (await vendored(files));
    const seen = new Map();
    const next = async () => {
      if (!runs) return;
      const texts = video.videoWidth ? await look(video).catch(() => []) : [];
      const now = Date.now();
      for (const text of texts) {
        if (runs && now - (seen.get(text) ?? 0) > AGAIN) read(text);
        seen.set(text, now);
      }
      setTimeout(next, PAUSE);
    };
    next();
  } catch (error) {
    stop();
    throw error;
  }
  return stop;
};
