/** keepalived.conf: the vrrp_sync_group block (keepalived.conf(5), "VRRP synchronization group(s)"). */

import type { SyncGroupConfig } from '../model/election.ts';
import { didYouMean } from '../suggest.ts';
import { NO_NOTIFY } from '../vrrp-defaults.ts';
import { SYNC_GROUP } from './directives.ts';
import type { GlobalDefs } from './global-defs.ts';
import type { InstanceDraft } from './instance-draft.ts';
import type { Word } from './lexer.ts';
import { type NotifyDraft, notifyHandlers } from './notify.ts';
import type { Statement } from './parser.ts';
import type { Report } from './report.ts';
import { noTracks, type Track, type Tracks, trackHandlers } from './tracks.ts';
import { firstValue } from './values.ts';
import { type Handlers, listEntries, walk } from './walk.ts';

export type SyncGroupDraft = {
  readonly name: Word;
  readonly members: readonly Word[];
  readonly notify: NotifyDraft;
  /** What every member is to track too. */
  readonly tracks: Tracks;
  /** false: members' weights count as 0. */
  readonly keepsWeights: boolean;
};

export function readSyncGroup(
  block: Statement,
  globals: GlobalDefs,
  report: Report,
): SyncGroupDraft {
  const name = firstValue(block);
  const members: Word[] = [];
  const notify: NotifyDraft = { ...NO_NOTIFY };
  const tracks = noTracks();
  let keepsWeights = false;
  const handlers: Handlers = {
    ...notifyHandlers(notify, globals.scriptAccount, report),
    ...trackHandlers(tracks, report),
    group: (statement) => {
      for (const entry of listEntries(statement, report)) members.push(entry.name, ...entry.args);
    },
    sync_group_tracking_weight: () => {
      keepsWeights = true;
    },
  };
  walk(block.children ?? [], SYNC_GROUP, `vrrp_sync_group "${name.text}"`, handlers, report);
  return { name, members, notify, tracks, keepsWeights };
}

/**
 * Adds to an instance what its group tracks. Its own weights count as 0 in a group, as keepalived has it:
 * members with priorities that move apart would never agree on a master.
 */
export function joinSyncGroup(
  draft: InstanceDraft,
  groups: readonly SyncGroupDraft[],
  report: Report,
): void {
  const group = groups.find(({ members }) => members.some(({ text }) => text === draft.name.text));
  if (group === undefined) return;
  const { tracks } = draft;
  const unweighted = (track: Track): Track => {
    if (group.keepsWeights || track.weight === 0) return track;
    if (track.weight !== null) {
      const text = `The weight of "${track.name.text}" counts as 0 in a sync group, as keepalived has it`;
      report.warning(track.name, 'ignored-directive', text);
    }
    return { ...track, weight: 0 };
  };
  tracks.scripts = [...tracks.scripts.map(unweighted), ...group.tracks.scripts];
  tracks.interfaces = [...tracks.interfaces.map(unweighted), ...group.tracks.interfaces];
  tracks.processes = [...tracks.processes.map(unweighted), ...group.tracks.processes];
  tracks.files = [...tracks.files.map(unweighted), ...group.tracks.files];
}

/** Holds the groups against the instances there are; an instance is in one group at most. */
export function finishSyncGroups(
  drafts: readonly SyncGroupDraft[],
  instances: readonly string[],
  report: Report,
): readonly SyncGroupConfig[] {
  const owners = new Map<string, string>();
  for (const { name, members } of drafts) {
    if (members.length < 2) {
      const text = `The vrrp_sync_group "${name.text}" has fewer than two members; it moves nothing together`;
      report.warning(name, 'ignored-directive', text);
    }
    for (const member of members) {
      const owner = owners.get(member.text);
      if (!instances.includes(member.text)) {
        const hint = didYouMean(member.text, instances);
        const text = `No vrrp_instance is called "${member.text}", which is ignored, as in keepalived${hint}`;
        report.warning(member, 'unknown-name', text);
      } else if (owner !== undefined) {
        const text = `The vrrp_instance "${member.text}" is already in "${owner}"; it can be in one group`;
        report.error(member, 'duplicate-name', text);
      }
      owners.set(member.text, name.text);
    }
  }
  return drafts.map(({ name, members, notify }) => ({
    name: name.text,
    instances: members.map(({ text }) => text).filter((member) => instances.includes(member)),
    notify,
  }));
}
