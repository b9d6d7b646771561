/** Entry of the process of load-apart.ts: is sent ConfigInputs, sends the LoadedConfig, ends. */

import { type ConfigInputs, loadConfig } from './load.ts';

process.title = 'evergate: reader';
process.once('message', async (inputs: ConfigInputs) => {
  const loaded = await loadConfig(inputs);
  // Without a listener the channel holds the process no longer: it ends once this is sent.
  process.send?.(loaded);
});
