import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NO_NOTIFY } from '../../config/vrrp-defaults.ts';
import type { ElectionEvent } from '../../contracts/election.ts';
import { DOWN_MS, RISE, TestNode } from './fixture.ts';
import { Group } from './group.ts';

const CONFIG = { name: 'G', instances: ['inside', 'outside'], notify: NO_NOTIFY };
const FAULTY = { priorityDelta: 0, faults: ['the balancer does not serve'] };
const SOUND = { priorityDelta: 0, faults: [] };

/** Two sides of a router, each on ports of its own. */
class Router {
  readonly inside = new TestNode({ name: 'inside' }, { grouped: true }).begin();
  readonly outside = new TestNode({ name: 'outside' }, { grouped: true }).begin();
  readonly told: string[] = [];
  readonly #group = new Group(
    CONFIG,
    [this.inside.instance, this.outside.instance],
    (event: ElectionEvent) => {
      if (event.kind === 'group') this.told.push(event.to);
    },
    [],
  );

  /** As the speaker's loop does it: each member, then the group. */
  round(now: number): void {
    this.inside.round(now);
    this.outside.round(now);
    this.#group.settle(now);
  }

  get phases(): readonly string[] {
    return [this.inside.instance.phase, this.outside.instance.phase];
  }

  /** What both did since the last call. */
  done(): readonly (readonly string[])[] {
    return [this.inside.done(), this.outside.done()];
  }

  rise(): this {
    this.round(DOWN_MS);
    assert.deepEqual(this.phases, ['master', 'master']);
    this.done();
    this.told.length = 0;
    return this;
  }
}

test('members rise together, once none of them hears a better master', () => {
  const router = new Router();
  router.inside.hear(150, 100);
  router.round(DOWN_MS);
  assert.deepEqual(router.done(), [[], []]);
  router.round(100 + DOWN_MS);
  assert.deepEqual(router.done(), [RISE, RISE]);
  assert.deepEqual(router.told, ['backup', 'master']);
  const [, why] = router.inside.told();
  assert.equal(why, 'backup -> master: sync group "G" is master');
});

test('when one yields to a better master, the others follow', () => {
  const router = new Router().rise();
  router.outside.hear(150, DOWN_MS + 10);
  router.round(DOWN_MS + 10);
  assert.deepEqual(router.phases, ['backup', 'backup']);
  assert.deepEqual(router.done(), [
    ['remove', 'advert 0', 'switch off'],
    ['remove', 'advert 100', 'switch off'],
  ]);
  assert.deepEqual(router.told, ['backup']);
});

test('one in FAULT puts all of them there, until it is sound again', () => {
  const router = new Router().rise();
  router.inside.instance.track(FAULTY, DOWN_MS + 10);
  router.round(DOWN_MS + 10);
  assert.deepEqual(router.phases, ['leaving', 'leaving']);
  assert.deepEqual(router.told, []);
  router.round(DOWN_MS + 200);
  const { faults } = router.outside.instance.status(DOWN_MS + 200);
  assert.deepEqual(faults, ['instance "inside" of sync group "G" is in fault']);
  assert.deepEqual(router.inside.instance.status(DOWN_MS + 200).faults, FAULTY.faults);
  router.inside.instance.track(SOUND, DOWN_MS + 300);
  router.round(DOWN_MS + 300);
  assert.deepEqual(router.phases, ['backup', 'backup']);
  assert.deepEqual(router.told, ['fault', 'backup']);
});

test('a group that was told of before a reload is told of again only when it is another', () => {
  const { inside, outside } = new Router();
  const told: string[] = [];
  const onEvent = (event: ElectionEvent) => told.push(event.kind);
  const instances = [inside.instance, outside.instance];
  const group = new Group(CONFIG, instances, onEvent, [], 'backup');
  group.tell(10);
  assert.deepEqual(told, []);
  inside.instance.track(FAULTY, 20);
  group.tell(20);
  group.tell(30);
  assert.deepEqual([group.name, group.phase, ...told], ['G', 'fault', 'group']);
});

test('a group that waits for a member has all others in FAULT', () => {
  const { inside } = new Router();
  const told: string[] = [];
  const onEvent = (event: ElectionEvent) => {
    if (event.kind === 'group') told.push(event.to);
  };
  const group = new Group(CONFIG, [inside.instance], onEvent, ['outside']);
  inside.round(DOWN_MS);
  group.settle(DOWN_MS);
  const faults = ['instance "outside" of sync group "G" is in fault'];
  assert.deepEqual(inside.instance.status(DOWN_MS).faults, faults);
  assert.deepEqual([...inside.done(), ...told], ['fault']);
});

test('a group whose member is no instance is a mistake', () => {
  const { inside } = new Router();
  assert.throws(() => new Group(CONFIG, [inside.instance], () => {}, []), /instance outside/);
});

test('a member that is waited for keeps the others in FAULT', () => {
  const { inside } = new Router();
  const told: string[] = [];
  const onEvent = (event: ElectionEvent) => {
    if (event.kind === 'group') told.push(event.to);
  };
  const group = new Group(CONFIG, [inside.instance], onEvent, ['outside']);
  inside.round(10_000);
  group.settle(10_000);
  assert.equal(inside.instance.phase, 'fault');
  const [fault] = inside.instance.status(10_000).faults;
  assert.equal(fault, 'instance "outside" of sync group "G" is in fault');
  assert.deepEqual(told, ['fault']);
});
