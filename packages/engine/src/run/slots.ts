/** Places for running tasks: a bounded number at once, first come, first served. */
export class Slots {
  /** Tasks that hold a place now. */
  active = 0;
  private readonly limit: number;
  private queue: (() => void)[] = [];
  private head = 0;

  constructor(limit: number) {
    this.limit = limit;
  }

  /** Those that wait for a place. */
  get waiting(): number {
    return this.queue.length - this.head;
  }

  /** Calls back with a place, now or later. Whoever is called gives the place back with `release`. */
  take(start: () => void): void {
    this.queue.push(start);
    this.fill();
  }

  /** Resolves with a place. */
  acquire(): Promise<void> {
    return new Promise((resolve) => this.take(resolve));
  }

  release(): void {
    this.active--;
    this.fill();
  }

  private fill(): void {
    while (this.active < this.limit && this.head < this.queue.length) {
      const start = this.queue[this.head++];
      // The queue is cut now and then rather than shifted each time, which would cost its length.
      if (this.head > 1024 && this.head * 2 > this.queue.length) {
        this.queue = this.queue.slice(this.head);
        this.head = 0;
      }
      this.active++;
      start?.();
    }
  }
}
