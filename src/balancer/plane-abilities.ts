/** What a data plane may be able to do or not, and what a configuration wants of that. */

import type { BalancerConfig } from '../config/model/config.ts';
import type { DataPlane } from '../contracts/data-plane.ts';

export type MovingPlane = DataPlane & Required<Pick<DataPlane, 'moveSession'>>;

export function canMove(plane: DataPlane): plane is MovingPlane {
  return plane.moveSession !== undefined;
}

/** What the configuration asks for and the plane cannot do, in sentences for the log. */
export function missingAbilities(
  { backends }: Pick<BalancerConfig, 'backends'>,
  plane: Pick<DataPlane, 'moveSession' | 'shutdownSessions'>,
): readonly string[] {
  return backends.flatMap(({ name, rebalance, servers }) => {
    const missing: string[] = [];
    if (rebalance !== undefined && plane.moveSession === undefined) {
      missing.push(`Backend "${name}" is not rebalanced: this data plane moves no sessions`);
    }
    const ends = servers.some((one) => one.shutdownSessionsOnDown || one.shutdownBackupsOnUp);
    if (ends && plane.shutdownSessions === undefined) {
      missing.push(
        `Sessions of backend "${name}" stay with servers that go down: this data plane ends none`,
      );
    }
    return missing;
  });
}
