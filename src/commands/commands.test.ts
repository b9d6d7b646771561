import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Help } from 'commander';
import { COMMAND_NAMES, listTerm, loadCommand, purposeOf } from './commands.ts';

describe('the list of commands', () => {
  for (const name of COMMAND_NAMES) {
    it(`says of ${name} what it is without loading it`, async () => {
      const command = await loadCommand(name);
      assert.equal(command.name(), name);
      assert.equal(listTerm(name), new Help().subcommandTerm(command));
      assert.equal(purposeOf(name), command.description());
    });
  }
});
