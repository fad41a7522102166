// Being told that a conversion has ended while one looks elsewhere (web push).
import { ask, complain, tell, words } from './api.js';

const supported = 'serviceWorker' in navigator && 'PushManager' in window && 'Notification' in window;

/** Shows the buttons that ask for notifications, or end them, where this browser can be told at all. */
export async function offerNotifications() {
  const [wish, end] = [document.querySelector('[data-notify]'), document.querySelector('[data-no-notify]')];
  if (!wish || !supported) return;
  const worker = await navigator.serviceWorker.register('/service-worker.js');
  const show = async () => {
    const subscribed = Boolean(await worker.pushManager.getSubscription());
    wish.hidden = subscribed;
    if (end) end.hidden = !subscribed;
  };
  wish.addEventListener('click', () => subscribe(worker).then(show).catch(complain));
  end?.addEventListener('click', () => unsubscribe(worker).then(show).catch(complain));
  await show();
}

async function subscribe(worker) {
  if ((await Notification.requestPermission()) !== 'granted') {
    tell(words.noNotifications, { bad: true });
    return;
  }
  const { key } = await ask('GET', '/api/v1/push/key');
  let subscription;
  try {
    subscription = await worker.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: key });
  } catch {
    tell(words.noNotifications, { bad: true });
    return;
  }
  await ask('POST', '/api/v1/push/subscriptions', subscription.toJSON());
  tell(words.notifications);
}

async function unsubscribe(worker) {
  const subscription = await worker.pushManager.getSubscription();
  await ask('DELETE', `/api/v1/push/subscriptions?endpoint=${encodeURIComponent(subscription.endpoint)}`);
  await subscription.unsubscribe();
}
