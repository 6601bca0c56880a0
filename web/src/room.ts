// The room's page: from the link to the preview, the lobby, the call and the
// end. This file only leads from one view to the next.

import type { Ended, ErrorMessage } from './protocol.gen';
import { announce, mountAnnouncer } from './room/announce';
import { CallView } from './room/call';
import { Devices, forClerk } from './room/devices';
import { t } from './room/i18n';
import { LobbyView } from './room/lobby';
import { Preview } from './room/preview';
import { endNotice, gateNotice, noticePage, type Notice, type Places } from './room/problem';
import { forgetSecret, takeSecret, whole } from './room/secret';
import { Session } from './room/session';

interface View {
  readonly element: HTMLElement;
  focus?(): void;
  close?(): void;
}

class Room {
  private readonly root: HTMLElement;
  private readonly secret: string;
  private readonly devices = new Devices();
  private readonly places: Places;
  private session: Session | null = null;
  private view: View | null = null;
  private preview: Preview | null = null;
  private lobby: LobbyView | null = null;
  private call: CallView | null = null;
  private timer = 0;

  constructor(root: HTMLElement, secret: string) {
    this.root = root;
    this.secret = secret;
    const { console = '/', manage = '/', home = '/' } = root.dataset;
    this.places = { console, manage, home };
    this.devices.onChange = () => {
      this.preview?.update();
      this.lobby?.devicesChanged();
      this.call?.devicesChanged();
    };
    if ('mediaDevices' in navigator) {
      navigator.mediaDevices.addEventListener('devicechange', () => {
        this.devices.onChange();
      });
    }
  }

  start(): void {
    if (!supported()) {
      this.notice({
        id: 'unsupported',
        icon: 'warning',
        title: t('room.unsupported.title'),
        body: [t('room.unsupported.body')],
      });
      return;
    }
    if (!this.secret) {
      this.notice({
        id: 'no-secret',
        icon: 'warning',
        title: t('room.gate.none.title'),
        body: [t('room.gate.none.body')],
        link: { text: t('room.link.manage'), href: this.places.manage },
      });
      return;
    }
    if (!whole(this.secret)) {
      this.fatal({ type: 'error', code: 'token-damaged', message: '', fatal: true });
      return;
    }
    this.preview = new Preview({
      devices: this.devices,
      title: t('room.preview.title'),
      onEnter: () => {
        this.enter();
      },
    });
    this.show(this.preview);
    void this.devices.openBoth();
  }

  /** enter opens the session; what comes back decides the view. */
  private enter(): void {
    clearTimeout(this.timer);
    this.session?.stop();
    this.leaveViews();
    this.notice({
      id: 'connecting',
      icon: 'wifi',
      title: t('room.connecting.title'),
      body: [t('room.connecting.body')],
    });
    const scheme = location.protocol === 'https:' ? 'wss' : 'ws';
    const session: Session = new Session({
      url: `${scheme}://${location.host}/ws`,
      token: this.secret,
      device: () => ({
        camera: forClerk(this.devices.condition.camera),
        microphone: forClerk(this.devices.condition.microphone),
      }),
      events: {
        waiting: (message) => {
          if (!this.lobby) this.openLobby(session);
          this.lobby?.update(message);
        },
        lobbyNotice: (message) => {
          this.lobby?.notice(message); // its log speaks for itself
        },
        joined: () => {
          if (!this.call) this.openCall(session);
        },
        state: (state, notices) => {
          this.call?.update(state, notices);
        },
        slots: (slots) => {
          this.call?.stage.attach(slots);
        },
        files: () => {
          this.call?.filesChanged();
        },
        fileDone: (name, damaged) => {
          this.call?.fileDone(name, damaged);
        },
        text: (line) => {
          this.call?.textChanged(line);
        },
        connection: (link, media) => {
          this.call?.connection(link, media);
          this.lobby?.online(link === 'open');
          if (link === 'open' && this.lobby?.isAway) session.send({ type: 'away', away: true });
        },
        ended: (message) => {
          this.ended(message, session.state.self.role);
        },
        fatal: (error) => {
          this.fatal(error);
        },
        problem: (error) => {
          const full = error.code === 'room-full'; // said to who wanted to let one more in
          this.call?.problem(full ? t('room.host.full', { Count: session.limits.participants }) : error.message);
        },
      },
    });
    this.session = session;
    session.start();
  }

  private openLobby(session: Session): void {
    this.leaveViews();
    this.lobby = new LobbyView({
      devices: this.devices,
      onAway: (away) => {
        session.send({ type: 'away', away });
      },
      onLeave: () => {
        this.leave();
      },
    });
    this.show(this.lobby);
  }

  private openCall(session: Session): void {
    this.leaveViews();
    const call = new CallView({
      session,
      devices: this.devices,
      onLeave: () => {
        this.leave();
      },
    });
    this.call = call;
    this.show(call);
    call.update(session.state, []);
    if (session.peer) call.stage.attach(session.peer.slots);
    void call.start();
    announce(t('room.say.admitted'));
  }

  private leave(): void {
    this.session?.leave();
    this.session = null;
    this.devices.close();
    this.notice({
      id: 'left',
      icon: 'leave',
      title: t('room.left.title'),
      body: [t('room.left.body')],
      action: { text: t('room.left.back'), run: reload },
      link: { text: t('room.link.home'), href: this.places.home },
    });
  }

  private ended(message: Ended, role: string): void {
    this.devices.close();
    if (role === 'host' && message.reason === 'host') {
      forgetSecret(window);
      location.assign(this.places.console);
      return;
    }
    if (message.reason !== 'replaced') forgetSecret(window);
    this.notice(endNotice(message, role, this.places, reload));
  }

  private fatal(error: ErrorMessage): void {
    this.notice(gateNotice(error, this.places, reload));
    if (error.code !== 'too-early' || !error.notBefore) {
      this.devices.close();
      return;
    }
    // The page goes on by itself when the room opens; setTimeout's longest is 24 days.
    const wait = new Date(error.notBefore).getTime() - Date.now() + 1000;
    this.timer = window.setTimeout(
      () => {
        this.enter();
      },
      Math.max(1000, Math.min(wait, 2 ** 31 - 1)),
    );
  }

  private notice(notice: Notice): void {
    this.leaveViews();
    this.show({ element: noticePage(notice) });
  }

  private leaveViews(): void {
    this.view?.close?.();
    this.preview = null;
    this.lobby = null;
    this.call = null;
  }

  private show(view: View): void {
    this.view = view;
    document.body.classList.toggle('in-call', view === this.call);
    this.root.replaceChildren(view.element);
    view.focus?.();
  }
}

function reload(): void {
  location.reload();
}

function supported(): boolean {
  return (
    typeof RTCPeerConnection === 'function' &&
    typeof WebSocket === 'function' &&
    'mediaDevices' in navigator &&
    'replaceTrack' in RTCRtpSender.prototype
  );
}

function main(): void {
  const root = document.getElementById('room');
  if (!root) return;
  mountAnnouncer(document.body);
  const secret = takeSecret(window);
  // Another link pasted into the same tab changes only the fragment.
  addEventListener('hashchange', () => {
    if (takeSecret(window)) location.reload();
  });
  new Room(root, secret).start();
}

main();
