// Reception's camera reads the QR code of a confirmation where the browser can
// (BarcodeDetector). Elsewhere the button stays hidden: a hand scanner types
// the code into the same field. The picture is looked at here and goes nowhere.

interface Detector {
  detect(source: HTMLVideoElement): Promise<{ rawValue: string }[]>;
}

type DetectorClass = new (options: { formats: string[] }) => Detector;

// Twice a second is soon enough for a hand that holds a sheet, and cool for a tablet.
const everyMs = 400;

export function scanner(): void {
  const button = document.getElementById('scan');
  const box = document.getElementById('scan-box');
  const video = document.getElementById('scan-video');
  const field = document.getElementById('chi');
  const Barcode = (window as { BarcodeDetector?: DetectorClass }).BarcodeDetector;
  if (!button || !box || !(video instanceof HTMLVideoElement) || !(field instanceof HTMLInputElement)) return;
  if (!Barcode || !('mediaDevices' in navigator)) return;
  const detector = new Barcode({ formats: ['qr_code'] });
  let stream: MediaStream | undefined;
  let timer: number | undefined;

  const stop = (): void => {
    window.clearInterval(timer);
    for (const track of stream?.getTracks() ?? []) track.stop();
    stream = undefined;
    box.hidden = true;
    button.setAttribute('aria-expanded', 'false');
  };
  const look = async (): Promise<void> => {
    const found = await detector.detect(video).catch(() => []);
    const code = found[0]?.rawValue.trim();
    if (!stream || !code) return;
    stop();
    field.value = code;
    field.form?.requestSubmit();
  };
  const start = async (): Promise<void> => {
    stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: 'environment' } });
    video.srcObject = stream;
    box.hidden = false;
    button.setAttribute('aria-expanded', 'true');
    await video.play();
    timer = window.setInterval(() => void look(), everyMs);
  };

  button.hidden = false;
  button.addEventListener('click', () => {
    if (stream) {
      stop();
      return;
    }
    start().catch(() => {
      stop();
      const said = document.getElementById('scan-trouble');
      if (said) said.hidden = false;
      field.focus();
    });
  });
  window.addEventListener('pagehide', stop);
}
