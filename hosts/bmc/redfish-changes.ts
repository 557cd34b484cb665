// What a Redfish client may change on an emulated BMC: a table by method and path. Handlers
// validate the body: an unknown property or value is refused by name.
import { isFault } from '#contracts/common/fault.ts';
import type { Json } from '#contracts/common/json.ts';
import type { RawReply } from '#platform/http/messages.ts';
import type { BmcCore } from './bmc-core.ts';
import type { BmcState } from './bmc-files.ts';
import { resetTypes } from './power-orders.ts';
import {
  bootModes,
  bootTargets,
  root,
  sessionDocument,
  subscriptionDocument,
  taskDocument,
} from './redfish-documents.ts';
import type { Paths } from './redfish-documents.ts';
import { faultReply, redfishError, redfishHeaders } from './redfish-errors.ts';
import type { Sessions } from './sessions.ts';
import type { VendorProfile } from './vendor-profiles.ts';

type Body = Record<string, Json>;

export interface ChangeContext {
  core: BmcCore;
  sessions: Sessions;
  profile: VendorProfile;
  /** Restarts the BMC: it does not answer for some seconds. */
  restart(): void;
}

export interface Change {
  method: 'POST' | 'PATCH' | 'DELETE';
  /** A trailing `:id` stands for a member of the collection. */
  path: string;
  /** Needs no credentials, because it creates the session. */
  isOpen?: boolean;
  run(context: ChangeContext, body: Body, id: string): Promise<RawReply>;
}

export const changesOf = ({ system, manager }: Paths): readonly Change[] => [
  { method: 'POST', path: `${system}/Actions/ComputerSystem.Reset`, run: reset },
  { method: 'PATCH', path: system, run: patchSystem },
  { method: 'POST', path: `${manager}/Actions/Manager.Reset`, run: restartManager },
  {
    method: 'POST',
    path: `${root}/SessionService/Sessions`,
    isOpen: true,
    run: createSession,
  },
  { method: 'DELETE', path: `${root}/SessionService/Sessions/:id`, run: deleteSession },
  { method: 'POST', path: `${root}/EventService/Subscriptions`, run: subscribe },
  { method: 'DELETE', path: `${root}/EventService/Subscriptions/:id`, run: unsubscribe },
];

const noContent = (): RawReply => ({
  status: 204,
  headers: { ...redfishHeaders },
  body: undefined,
});
const reply = (status: number, body: Json, headers: Record<string, string> = {}): RawReply => ({
  status,
  headers: { ...redfishHeaders, ...headers },
  body,
});

async function reset({ core, profile }: ChangeContext, body: Body): Promise<RawReply> {
  const unknown = unknownIn(body, ['ResetType']);
  if (unknown) return unknown;
  if (body['ResetType'] === undefined)
    return redfishError(400, 'ActionParameterMissing', 'ResetType is missing.');
  const type = resetTypes.find((known) => known === body['ResetType']);
  if (!type)
    return redfishError(
      400,
      'ActionParameterValueNotInList',
      `ResetType is one of ${resetTypes.join(', ')}.`,
    );
  const ordered = await core.orders.order(type);
  if (isFault(ordered)) return faultReply(ordered);
  const { task, isNeedless } = ordered;
  if (task)
    return reply(202, taskDocument(task), { location: `${root}/TaskService/Tasks/${task.id}` });
  return isNeedless && profile.needlessOrder !== 204
    ? redfishError(profile.needlessOrder, 'OperationNotAllowed', 'The chassis is so already.')
    : noContent();
}

async function patchSystem({ core, profile }: ChangeContext, body: Body): Promise<RawReply> {
  const unknown = unknownIn(body, ['Boot', 'IndicatorLED']);
  if (unknown) return unknown;
  const leds = ['Off', 'Lit', 'Blinking'] as const;
  const led = leds.find((known) => known === body['IndicatorLED']);
  if (body['IndicatorLED'] !== undefined && !led)
    return redfishError(
      400,
      'PropertyValueNotInList',
      `IndicatorLED is one of ${leds.join(', ')}.`,
    );
  const boot = body['Boot'] === undefined ? undefined : bootIn(body['Boot'], profile, core.state);
  if (boot && 'status' in boot) return boot;
  await core.change((state) => {
    if (led) state.indicatorLed = led;
    if (boot) state.boot = boot;
  });
  return noContent();
}

function bootIn(
  value: Json,
  { bootMode }: VendorProfile,
  { boot }: BmcState,
): BmcState['boot'] | RawReply {
  if (!isBody(value)) return redfishError(400, 'PropertyValueFormatError', 'Boot is an object.');
  const [enabledKey, targetKey, modeKey] = [
    'BootSourceOverrideEnabled',
    'BootSourceOverrideTarget',
    'BootSourceOverrideMode',
  ];
  const unknown = unknownIn(value, [
    enabledKey,
    targetKey,
    ...(bootMode === 'unknown' ? [] : [modeKey]),
  ]);
  if (unknown) return unknown;
  if (bootMode === 'required' && value[modeKey] === undefined)
    return redfishError(400, 'PropertyMissing', `${modeKey} is missing.`);
  if (value[modeKey] !== undefined && !bootModes.some((known) => known === value[modeKey]))
    return redfishError(
      400,
      'PropertyValueNotInList',
      `${modeKey} is one of ${bootModes.join(', ')}.`,
    );
  const kinds = ['Disabled', 'Once', 'Continuous'] as const;
  const enabled = kinds.find((known) => known === (value[enabledKey] ?? boot.enabled));
  if (!enabled)
    return redfishError(
      400,
      'PropertyValueNotInList',
      `${enabledKey} is one of ${kinds.join(', ')}.`,
    );
  const target = bootTargets.find((known) => known === (value[targetKey] ?? boot.target));
  if (!target)
    return redfishError(
      400,
      'PropertyValueNotInList',
      `${targetKey} is one of ${bootTargets.join(', ')}.`,
    );
  return enabled === 'Disabled' || target === 'None'
    ? { enabled: 'Disabled', target: 'None' }
    : { enabled, target };
}

async function restartManager({ sessions, restart }: ChangeContext, body: Body): Promise<RawReply> {
  const restartTypes = ['GracefulRestart', 'ForceRestart'];
  if (!restartTypes.some((type) => type === body['ResetType']))
    return redfishError(
      400,
      'ActionParameterValueNotInList',
      `ResetType is one of ${restartTypes.join(', ')}.`,
    );
  sessions.clear();
  restart();
  return noContent();
}

async function createSession({ sessions }: ChangeContext, body: Body): Promise<RawReply> {
  const unknown = unknownIn(body, ['UserName', 'Password']);
  if (unknown) return unknown;
  const created = sessions.create(body['UserName'], body['Password']);
  if (isFault(created))
    return created.kind === 'tooManyRequests'
      ? redfishError(503, 'SessionLimitExceeded', created.message)
      : redfishError(401, 'NoValidSession', created.message);
  const document = sessionDocument(created.session);
  return reply(201, document, {
    'x-auth-token': created.token,
    location: `${root}/SessionService/Sessions/${created.session.id}`,
  });
}

async function deleteSession(
  { sessions }: ChangeContext,
  _body: Body,
  id: string,
): Promise<RawReply> {
  return sessions.remove(id) ? noContent() : missing();
}

async function subscribe({ core, profile }: ChangeContext, body: Body): Promise<RawReply> {
  const properties = ['Destination', 'Context', 'Protocol', 'EventFormatType', 'EventTypes'];
  const allowedProperties = [...properties, 'DeliveryRetryPolicy'];
  const unknown = unknownIn(
    body,
    allowedProperties.filter((property) => !profile.refusedInSubscription.includes(property)),
  );
  if (unknown) return unknown;
  const absent = profile.neededInSubscription.find((property) => body[property] === undefined);
  if (absent) return redfishError(400, 'PropertyMissing', `${absent} is missing.`);
  const { Destination: destination, Context: context = '', Protocol: protocol } = body;
  if (typeof destination !== 'string' || !isDestination(destination))
    return redfishError(
      400,
      'PropertyValueFormatError',
      'Destination is an http or https address of at most 1024 characters, without credentials.',
    );
  if (typeof context !== 'string' || context.length > 256)
    return redfishError(400, 'PropertyValueFormatError', 'Context is a text of at most 256.');
  if (protocol !== 'Redfish')
    return redfishError(400, 'PropertyValueNotInList', 'Protocol is Redfish.');
  const subscribed = await core.subscribe(destination, context);
  if (isFault(subscribed)) return faultReply(subscribed);
  const document = subscriptionDocument(subscribed);
  return reply(201, document, {
    location: `${root}/EventService/Subscriptions/${subscribed.id}`,
  });
}

async function unsubscribe({ core }: ChangeContext, _body: Body, id: string): Promise<RawReply> {
  const isIt = (subscription: { id: number }): boolean => String(subscription.id) === id;
  if (!core.state.subscriptions.some(isIt)) return missing();
  await core.change((state) => {
    state.subscriptions = state.subscriptions.filter((subscription) => !isIt(subscription));
  });
  return noContent();
}

export const missing = (): RawReply =>
  redfishError(404, 'ResourceMissingAtURI', 'There is no such resource.');

export const isBody = (value: Json): value is Body =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function unknownIn(body: Body, properties: readonly string[]): RawReply | undefined {
  const unknown = Object.keys(body).find((key) => !properties.includes(key));
  return unknown === undefined
    ? undefined
    : redfishError(400, 'PropertyUnknown', `${unknown.slice(0, 100)} is not known here.`);
}

function isDestination(text: string): boolean {
  if (text.length > 1024 || !URL.canParse(text)) return false;
  const { protocol, username, password } = new URL(text);
  return (protocol === 'http:' || protocol === 'https:') && username === '' && password === '';
}
