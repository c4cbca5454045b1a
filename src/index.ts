/**
 * tabring: Amazon's Dynamo made of browser tabs. Importing this does nothing, also on a server.
 *
 * @module tabring
 */
export { type NodeOptions, openNode } from './browser/open-node.ts'
export { type CollectionDefinition, type CollectionOptions, defineCollection } from './collections/define-collection.ts'
export type { Live } from './collections/live.ts'
export { definePresence, type Presence, type PresenceDefinition } from './collections/presence.ts'
export type { InputOf, OutputOf, StandardSchema } from './collections/standard-schema.ts'
export type {
  Collection,
  Entry,
  Found,
  Group,
  GroupScanOptions,
  GroupView,
  Keyed,
  LiveStatus,
  ManyResult,
  Scan,
  ScanOptions,
  SetOptions,
  Updated,
  View,
} from './collections/types.ts'
export type { KeyName } from './core/stored-key.ts'
export { type Changed, type ErrorCode, TabringError } from './errors.ts'
export type { Definition, EnteredDefinition } from './node/api/named-requests.ts'
export type {
  AbortSignalLike,
  Context,
  DeleteOptions,
  ExchangeStatus,
  GetOptions,
  GetResult,
  Inspection,
  JoinOptions,
  KeyPlacement,
  Member,
  NodeEvents,
  PutOptions,
  PutResult,
  RepairResult,
  RequestOptions,
  Status,
  TabringNode,
} from './node/api/tabring-node.ts'
export type { TraceEvent } from './node/api/trace.ts'
export type { SignalingEvent } from './ports.ts'
