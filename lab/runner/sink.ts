/** Where a step writes: log, annotations and summary, masked, within GitHub's limits. */
import type { Masker } from './mask.ts';
import type { AnnotationLevel, AnnotationRecord, RunEvent } from './types.ts';

/** GitHub keeps ten annotations of a level and step. */
const PER_LEVEL = 10;
/** GitHub cuts a message there. */
const MAX_MESSAGE = 4096;

export interface Sink {
  log(line: string): void;
  annotate(annotation: AnnotationRecord): void;
  summary(markdown: string): void;
  readonly taken: {
    log: readonly string[];
    annotations: readonly AnnotationRecord[];
    droppedAnnotations: number;
    summary: string;
  };
}

export function stepSink(o: { job: string; step: string; masker: Masker; emit(event: RunEvent): void }): Sink {
  const taken = { log: [] as string[], annotations: [] as AnnotationRecord[], droppedAnnotations: 0, summary: '' };
  const counts: Record<AnnotationLevel, number> = { error: 0, warning: 0, notice: 0 };
  const { job, step, masker, emit } = o;
  return {
    taken,
    log(line) {
      const masked = masker.mask(line);
      taken.log.push(masked);
      emit({ type: 'log', job, step, line: masked });
    },
    annotate(annotation) {
      counts[annotation.level] += 1;
      if (counts[annotation.level] > PER_LEVEL) {
        taken.droppedAnnotations += 1;
        return;
      }
      const masked = { ...annotation, message: masker.mask(annotation.message).slice(0, MAX_MESSAGE) };
      if (masked.title !== undefined) masked.title = masker.mask(masked.title);
      taken.annotations.push(masked);
      emit({ type: 'annotation', job, step, annotation: masked });
    },
    summary(markdown) {
      taken.summary += masker.mask(markdown);
    },
  };
}
