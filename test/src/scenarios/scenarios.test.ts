import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readSchedule, runSchedule } from '@vireo/simulator';
import { describe, expect, it } from 'vitest';
import { repositoryRoot } from '../architecture/workspaces.ts';

const directory = join(repositoryRoot, 'test', 'scenarios');
const files = readdirSync(directory).sort();

describe('scenarios', () => {
  it('are stories, of more than a dozen', () => {
    expect(files.length).toBeGreaterThanOrEqual(16);
    expect(files.filter((file) => !file.endsWith('.json'))).toEqual([]);
  });

  it.each(files)('%s: every step comes, and every promise is kept', { timeout: 30_000 }, (file) => {
    const schedule = readSchedule(readFileSync(join(directory, file), 'utf8'));
    if (typeof schedule === 'string') throw new Error(schedule);
    expect(schedule.story.join(' ').length).toBeGreaterThan(50);
    const { failure, acked } = runSchedule(schedule);
    expect(failure && { ...failure, trace: failure.trace.slice(-10) }).toBeNull();
    expect(acked).toBeGreaterThan(20);
  });
});
