/** The port between whoever runs tasks and the broker: the same in-process and over HTTP. */
import type {
  BrokerDescription,
  Challenge,
  ChallengeRequest,
  Committed,
  FailureAnswer,
  Granted,
  Registered,
  RegisterRequest,
  RunOffer,
  RunStatus,
  TaskCommit,
  TaskFailure,
  TaskRequest,
} from "./messages.js";

/**
 * A broker. Each call is safe to repeat: a reply that was lost is asked for again, and the same message gets the same
 * answer. Refusals are `SealflowError`s with a `TRUST_…` code.
 */
export interface TaskBroker {
  describe(): Promise<BrokerDescription>;
  /** Offers a run id; whoever repeats the call gets another one. */
  openRun(): Promise<RunOffer>;
  register(request: RegisterRequest): Promise<Registered>;
  /** What a transcript needs; or the result, when the task is finished or a finished one can be reused. */
  challenge(request: ChallengeRequest): Promise<Challenge | Committed>;
  request(request: TaskRequest): Promise<Granted | Committed>;
  /** The first commit of a task wins, durably; every later one is answered with the first. */
  commit(commit: TaskCommit): Promise<Committed>;
  fail(failure: TaskFailure): Promise<FailureAnswer | Committed>;
  status(runId: string): Promise<RunStatus>;
  /** The run's bundle in its canonical encoding. */
  bundle(runId: string): Promise<Uint8Array<ArrayBuffer>>;
}
