/** One VRRP machine driven by tests, with its effects as short words. */

import assert from 'node:assert/strict';
import {
  type MachineConfig,
  type MachineEffect,
  type MachineEvent,
  type MachineGarp,
  type MachineState,
  newMachine,
  step,
} from './machine.ts';
import { nextTickAt } from './machine-due.ts';

export const OWN = 0x0a630002;
export const LOWER = 0x0a630001;
export const HIGHER = 0x0a630003;

export const GARP: MachineGarp = {
  repeat: 5,
  delayMs: 5000,
  rivalRepeat: 5,
  rivalDelayMs: 0,
  refreshMs: 0,
  refreshRepeat: 1,
};

export const V2: MachineConfig = {
  version: 2,
  priority: 100,
  initialState: 'backup',
  intervalMs: 1000,
  preempt: true,
  preemptDelayMs: 0,
  address: OWN,
  garp: GARP,
  answersLower: true,
  saysFarewell: true,
};
export const V3: MachineConfig = { ...V2, version: 3, intervalMs: 100 };

export const START: MachineEvent = { kind: 'start', held: false };
export const TICK: MachineEvent = { kind: 'tick' };

export function advert(priority: number, source = HIGHER, intervalMs = 1000): MachineEvent {
  return { kind: 'advert', priority, source, intervalMs };
}

/** Drives one machine; keeps the effects of the last event, named shortly. */
export class Driver {
  readonly config: MachineConfig;
  state: MachineState;
  effects: readonly MachineEffect[] = [];

  constructor(config: MachineConfig) {
    this.config = config;
    this.state = newMachine(config);
  }

  at(now: number, event: MachineEvent): readonly string[] {
    const result = step(this.config, this.state, event, now);
    this.state = result.state;
    this.effects = result.effects;
    return result.effects.map((effect) => {
      if (effect.kind === 'send-advert') return `advert ${effect.priority}`;
      if (effect.kind === 'garp') return `garp ${effect.count}`;
      if (effect.kind === 'transition') return `${effect.from} -> ${effect.to}`;
      return effect.kind;
    });
  }
}

export function master(config: MachineConfig): Driver {
  const driver = new Driver(config);
  driver.at(0, START);
  driver.at(nextTickAt(config, driver.state), TICK);
  assert.equal(driver.state.phase, 'master');
  return driver;
}
