/** The entry for programs that only want Python: light, since it leaves the engine itself out. */
export { defaultEnvironmentsDirectory } from "./environments/environment.js";
export {
  findInterpreter,
  type InterpreterSearch,
  type PythonInterpreter,
} from "./environments/interpreter.js";
