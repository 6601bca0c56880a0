// Sharing one's own screen.

export const canShareScreen = (): boolean => 'mediaDevices' in navigator && 'getDisplayMedia' in navigator.mediaDevices;

interface SharingOptions extends DisplayMediaStreamOptions {
  // Newer than TypeScript's library; browsers ignore what they do not know.
  selfBrowserSurface?: 'include' | 'exclude';
  surfaceSwitching?: 'include' | 'exclude';
  systemAudio?: 'include' | 'exclude';
}

export interface SharedScreen {
  readonly video: MediaStreamTrack;
  readonly audio: MediaStreamTrack | null;
  stop(): void;
}

/** shareScreen asks what to share; null when the person closed the question. */
export async function shareScreen(onEnded: () => void): Promise<SharedScreen | null> {
  const options: SharingOptions = {
    video: { frameRate: { ideal: 15, max: 30 } },
    // A tab's sound, where the browser offers it, and as it is: what is made for voices spoils music.
    audio: { echoCancellation: false, noiseSuppression: false, autoGainControl: false },
    selfBrowserSurface: 'exclude',
    surfaceSwitching: 'include',
    systemAudio: 'exclude',
  };
  let stream: MediaStream;
  try {
    stream = await navigator.mediaDevices.getDisplayMedia(options);
  } catch (error) {
    if (error instanceof DOMException && (error.name === 'NotAllowedError' || error.name === 'AbortError')) return null;
    throw error;
  }
  const video = stream.getVideoTracks()[0];
  if (!video) return null;
  video.contentHint = 'detail'; // text must stay sharp; frames may be fewer
  video.onended = onEnded;
  return {
    video,
    audio: stream.getAudioTracks()[0] ?? null,
    stop() {
      video.onended = null;
      for (const track of stream.getTracks()) track.stop();
    },
  };
}
