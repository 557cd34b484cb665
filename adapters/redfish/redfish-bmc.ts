// The driver of ports/bmc.ts for real BMCs, by DMTF's Redfish (DSP0266); it follows the links in
// the BMC's documents. Vendors' differences: quirks.ts.
import type { Fault, Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { Json } from '#contracts/common/json.ts';
import type { Bmc, BootOverride, EventReceiver, PowerAction, PowerState } from '#ports/bmc.ts';
import { linkIn, listAt, objectAt, textAt, textsAt } from './json-at.ts';
import { quirksOf, resetTypeFor } from './quirks.ts';
import type { Quirks } from './quirks.ts';
import {
  bootOverrideIn,
  eventsIn,
  inventoryIn,
  powerStateIn,
  sensorOf,
  sensorsIn,
} from './read-documents.ts';
import { openConnection } from './redfish-connection.ts';
import type {
  ConnectionDeps,
  Document,
  RedfishAddress,
  RedfishCall,
} from './redfish-connection.ts';
import { isDecision, nonsense } from './redfish-faults.ts';

export interface RedfishOptions extends RedfishAddress {
  /** Id of the host's ComputerSystem; needed if the BMC has several. */
  systemId?: string;
}

export type RedfishDeps = ConnectionDeps;

const root = '/redfish/v1';
/** Limit on the members of a collection that are read one by one. */
const maxMembers = 64;
const [maxEvents, maxPages] = [1_000, 20];

/**
 * Creates the driver without connecting. Throws if the address has no TLS and is not on this
 * machine.
 */
export function createRedfishBmc(options: RedfishOptions, deps: RedfishDeps): Bmc {
  const connection = openConnection(options, deps);
  /** Path of the ComputerSystem; forgotten when it does not exist any more. */
  let systemPath: string | undefined;

  async function system(call: RedfishCall): Promise<Outcome<System>> {
    const path = systemPath ?? (await findSystem(call));
    if (isFault(path)) return path;
    const document = await call.get(path);
    systemPath = isFault(document) && document.kind === 'notImplemented' ? undefined : path;
    return isFault(document)
      ? document
      : { ...document, path, quirks: quirksOf(textAt(document.body, 'Manufacturer')) };
  }

  async function findSystem(call: RedfishCall): Promise<Outcome<string>> {
    const systems = await call.get(`${root}/Systems`);
    if (isFault(systems)) return systems;
    const paths = membersOf(systems.body);
    const wanted =
      options.systemId === undefined
        ? paths
        : paths.filter((path) => path.replace(/\/$/, '').endsWith(`/${options.systemId}`));
    const [first] = wanted;
    if (first !== undefined && wanted.length === 1) return first;
    return nonsense(
      'GET Systems',
      `it has ${wanted.length} systems${options.systemId === undefined ? '' : ` ${options.systemId}`}, not one`,
    );
  }

  async function powerState(call: RedfishCall): Promise<Outcome<PowerState>> {
    const systemDocument = await system(call);
    return isFault(systemDocument) ? systemDocument : powerStateIn(systemDocument.body);
  }

  async function power(call: RedfishCall, action: PowerAction): Promise<Outcome<void>> {
    const systemDocument = await system(call);
    if (isFault(systemDocument)) return systemDocument;
    const reset = objectAt(objectAt(systemDocument.body, 'Actions'), '#ComputerSystem.Reset');
    const path = linkIn({ '@odata.id': textAt(reset, 'target') });
    const offered = textsAt(reset, 'ResetType@Redfish.AllowableValues');
    const type = resetTypeFor(action, offered.length > 0 ? offered : undefined);
    if (path === '' || type === undefined) return cannot(`power action ${action}`);
    const isSwitch = action === 'On' || action === 'ForceOff';
    const resetReply = await call.change({
      method: 'POST',
      path,
      body: { ResetType: type },
      isRepeatable: isSwitch,
    });
    if (!isFault(resetReply)) return undefined;
    if (!isSwitch) return ofState(resetReply, await powerState(call));
    // BMCs refuse, with various codes, to power off what is off: if the power state is the wanted
    // one, that is a success. But a BMC that was busy or did not answer has accepted nothing, and
    // the chassis might still power on by itself, so that stays a fault.
    if (!isDecision(resetReply)) return resetReply;
    const now = await powerState(call);
    const isSo = action === 'On' ? now === 'On' || now === 'PoweringOn' : now === 'Off';
    return isSo ? undefined : ofState(resetReply, now);
  }

  async function overrideBoot(call: RedfishCall, override: BootOverride): Promise<Outcome<void>> {
    for (let attempt = 1; ; attempt += 1) {
      const systemDocument = await system(call);
      if (isFault(systemDocument)) return systemDocument;
      const patched = await patchBoot(call, systemDocument, override, {
        // Second attempt: a BMC may show weak ETags that it does not accept itself.
        stripsWeakEtag: systemDocument.quirks.stripsWeakEtag || attempt > 1,
      });
      if (!isFault(patched) || patched.kind !== 'preconditionFailed') return patched;
      if (attempt === 2) return fault('unavailable', patched.message);
    }
  }

  async function patchBoot(
    call: RedfishCall,
    { body, path, etag, quirks }: System,
    { enabled, target }: BootOverride,
    { stripsWeakEtag }: { stripsWeakEtag: boolean },
  ): Promise<Outcome<void>> {
    const boot = objectAt(body, 'Boot');
    const offered = textsAt(boot, 'BootSourceOverrideTarget@Redfish.AllowableValues');
    if (offered.length > 0 && target !== 'None' && !offered.includes(target))
      return fault('badRequest', `the BMC does not boot from ${target}`);
    const mode = textAt(boot, 'BootSourceOverrideMode');
    const withMode = mode !== '' && (quirks.sendsBootMode === 'shown' || mode !== 'UEFI');
    const patched = await call.change({
      method: 'PATCH',
      path,
      body: {
        Boot: {
          BootSourceOverrideEnabled: enabled,
          BootSourceOverrideTarget: enabled === 'Disabled' ? 'None' : target,
          ...(withMode ? { BootSourceOverrideMode: mode } : {}),
        },
      },
      ifMatch: stripsWeakEtag ? etag.replace(/^W\//, '') : etag,
      isRepeatable: true,
    });
    return isFault(patched) ? patched : undefined;
  }

  async function inventory(call: RedfishCall) {
    const systemDocument = await system(call);
    if (isFault(systemDocument)) return systemDocument;
    const interfaces = await members(
      call,
      linkIn(objectAt(systemDocument.body, 'EthernetInterfaces')),
    );
    if (isFault(interfaces)) return interfaces;
    const manager = await linked(call, systemDocument.body, 'ManagedBy', `${root}/Managers`);
    if (isFault(manager)) return manager;
    return inventoryIn(systemDocument.body, manager?.body, interfaces);
  }

  async function sensors(call: RedfishCall) {
    const systemDocument = await system(call);
    if (isFault(systemDocument)) return systemDocument;
    const chassis = await linked(call, systemDocument.body, 'Chassis', `${root}/Chassis`);
    if (isFault(chassis)) return chassis;
    const documents: Json[] = [];
    for (const kind of ['Thermal', 'Power']) {
      const path = linkIn(objectAt(chassis?.body, kind));
      if (path === '') continue;
      const read = await call.get(path);
      if (isFault(read)) return read;
      documents.push(read.body);
    }
    if (documents.length > 0) return documents.flatMap(sensorsIn);
    const path = linkIn(objectAt(chassis?.body, 'Sensors'));
    const newer = await members(call, path);
    if (isFault(newer)) return newer;
    return path === '' ? cannot('sensors') : newer.flatMap(sensorOf);
  }

  async function events(call: RedfishCall) {
    const systemDocument = await system(call);
    if (isFault(systemDocument)) return systemDocument;
    const path = await logPath(call, systemDocument);
    if (isFault(path)) return path;
    const entries: Json[] = [];
    let next = path;
    for (let pages = 0; next !== '' && entries.length < maxEvents && pages < maxPages; pages += 1) {
      const page = await call.get(next);
      if (isFault(page)) return page;
      entries.push(...listAt(page.body, 'Members'));
      next = linkIn({ '@odata.id': textAt(page.body, 'Members@odata.nextLink') });
    }
    return eventsIn(entries).slice(-maxEvents);
  }

  /** Path of the log's entries: a log of the system, or of the BMC if the system has none. */
  async function logPath(call: RedfishCall, { body, quirks }: System): Promise<Outcome<string>> {
    const manager = linkIn(listAt(objectAt(body, 'Links'), 'ManagedBy')[0]);
    const places = [linkIn(objectAt(body, 'LogServices')), manager && `${manager}/LogServices`];
    for (const place of places.filter((path) => path !== '')) {
      const services = await call.get(place);
      if (isFault(services) && services.kind === 'notImplemented') continue;
      if (isFault(services)) return services;
      const logs = membersOf(services.body);
      const logOfQuirk = quirks.logs
        .map((id) =>
          logs.find((path) => path.split('/').at(-1)?.toLowerCase() === id.toLowerCase()),
        )
        .find((path) => path !== undefined);
      const logService = logOfQuirk ?? logs[0];
      if (logService === undefined) continue;
      const service = await call.get(logService);
      if (isFault(service)) return service;
      const entries = linkIn(objectAt(service.body, 'Entries'));
      if (entries !== '') return entries;
    }
    return cannot('log');
  }

  async function subscriptionsOf(
    call: RedfishCall,
    { url, context }: EventReceiver,
  ): Promise<Outcome<{ collection: string; mine: string[] }>> {
    const service = await call.get(`${root}/EventService`);
    if (isFault(service)) return service;
    const collection = linkIn(objectAt(service.body, 'Subscriptions'));
    if (collection === '') return cannot('subscriptions');
    const all = await members(call, collection);
    if (isFault(all)) return all;
    const isMine = (body: Json): boolean =>
      textAt(body, 'Destination') === url && textAt(body, 'Context') === context;
    return {
      collection,
      mine: all
        .filter(isMine)
        .map(linkIn)
        .filter((path) => path !== ''),
    };
  }

  async function subscribe(call: RedfishCall, receiver: EventReceiver): Promise<Outcome<void>> {
    const systemDocument = await system(call);
    if (isFault(systemDocument)) return systemDocument;
    const before = await subscriptionsOf(call, receiver);
    if (isFault(before)) return before;
    if (before.mine.length > 0) return undefined;
    const created = await call.change({
      method: 'POST',
      path: before.collection,
      body: {
        Destination: receiver.url,
        Context: receiver.context,
        Protocol: 'Redfish',
        ...mutable(systemDocument.quirks.subscription),
      },
      isRepeatable: false,
    });
    if (!isFault(created)) return undefined;
    // The answer was lost, or another process has subscribed the receiver meanwhile: check.
    const after = await subscriptionsOf(call, receiver);
    return !isFault(after) && after.mine.length > 0 ? undefined : created;
  }

  async function unsubscribe(call: RedfishCall, receiver: EventReceiver): Promise<Outcome<void>> {
    const subscriptions = await subscriptionsOf(call, receiver);
    if (isFault(subscriptions)) return subscriptions;
    for (const path of subscriptions.mine) {
      const deletion = await call.change({ method: 'DELETE', path, isRepeatable: true });
      if (isFault(deletion) && deletion.detail['status'] !== '404') return deletion;
    }
    return undefined;
  }

  const begin = (): RedfishCall => connection.begin();
  return {
    powerState: async () => await powerState(begin()),
    power: async (action) => await power(begin(), action),
    async bootOverride() {
      const systemDocument = await system(begin());
      return isFault(systemDocument) ? systemDocument : bootOverrideIn(systemDocument.body);
    },
    overrideBoot: async (override) => await overrideBoot(begin(), override),
    inventory: async () => await inventory(begin()),
    sensors: async () => await sensors(begin()),
    events: async () => await events(begin()),
    subscribe: async (receiver) => await subscribe(begin(), receiver),
    unsubscribe: async (receiver) => await unsubscribe(begin(), receiver),
    close: async () => await connection.close(),
  };
}

interface System extends Document {
  path: string;
  quirks: Quirks;
}

const cannot = (what: string): Fault => fault('notImplemented', `the BMC has no ${what}`);

/** Turns a refusal into a conflict if the power state explains it, whatever the BMC's code was. */
function ofState(refusal: Fault, now: Outcome<PowerState>): Fault {
  const isRefusal = refusal.kind === 'badRequest' || refusal.kind === 'conflict';
  if (!isRefusal || isFault(now)) return refusal;
  return fault('conflict', `${refusal.message}; the chassis is ${now}`, refusal.detail);
}

const membersOf = (collection: Json): string[] =>
  listAt(collection, 'Members')
    .map(linkIn)
    .filter((path) => path !== '');

/** The members of a collection, at most `maxMembers`; [] if there is no such collection. */
async function members(call: RedfishCall, path: string): Promise<Outcome<Json[]>> {
  if (path === '') return [];
  const collection = await call.get(path);
  if (isFault(collection)) return collection.kind === 'notImplemented' ? [] : collection;
  const documents: Json[] = [];
  for (const member of membersOf(collection.body).slice(0, maxMembers)) {
    const document = await call.get(member);
    // The member was removed meanwhile.
    if (isFault(document) && document.kind === 'notImplemented') continue;
    if (isFault(document)) return document;
    documents.push(document.body);
  }
  return documents;
}

/**
 * The first resource to which the system links, else the first in the collection; undefined: there
 * is none.
 */
async function linked(
  call: RedfishCall,
  system: Json,
  link: string,
  collection: string,
): Promise<Outcome<Document | undefined>> {
  let path = linkIn(listAt(objectAt(system, 'Links'), link)[0]);
  if (path === '') {
    const all = await call.get(collection);
    if (isFault(all)) return all.kind === 'notImplemented' ? undefined : all;
    path = membersOf(all.body)[0] ?? '';
  }
  return path === '' ? undefined : await call.get(path);
}

const mutable = (row: Quirks['subscription']): Record<string, Json> =>
  Object.fromEntries(
    Object.entries(row).map(([key, value]) => [
      key,
      typeof value === 'string' ? value : [...value],
    ]),
  );
