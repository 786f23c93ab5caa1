/** How wrong usage is worded: in the shape of every other error, with flags spelt as they are typed. */
import {
  type ApplicationErrorFormatting,
  ArgumentScannerError,
  formatMessageForArgumentScannerError,
} from "@stricli/core";

/** Undoes the colour that the parser puts around a whole message. */
const plain = "\u001b[39m\u001b[22m";

function usageError(code: string, message: string, hint: string, ansiColor: boolean): string {
  return `${ansiColor ? plain : ""}error[${code}]: ${message}\nhint: ${hint}`;
}

function kebab(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

function messageOf(exception: unknown): string {
  return exception instanceof Error ? exception.message : String(exception);
}

function argumentMessage(exception: unknown): string {
  if (!(exception instanceof ArgumentScannerError)) return messageOf(exception);
  const message = formatMessageForArgumentScannerError(exception, {
    FlagNotFoundError: ({ input, corrections }) => {
      const meant = corrections.map((name) => `--${kebab(name)}`).join(" or ");
      const flag = input.length === 1 ? `-${input}` : `--${input}`;
      return meant === "" ? `unknown flag ${flag}` : `unknown flag ${flag}, did you mean ${meant}?`;
    },
    ArgumentParseError: ({ externalFlagNameOrPlaceholder, input, exception: cause }) =>
      `${externalFlagNameOrPlaceholder}: ${messageOf(cause)}, got "${input}"`,
  });
  return message.charAt(0).toLowerCase() + message.slice(1);
}

/** Replaces the parser's own wording. */
export const usageText: Partial<ApplicationErrorFormatting> = {
  exceptionWhileParsingArguments: (exception, ansiColor) =>
    usageError("CLI_USAGE", argumentMessage(exception), "see the command's --help", ansiColor),
  noCommandRegisteredForInput: ({ input, corrections, ansiColor }) =>
    usageError(
      "CLI_UNKNOWN_COMMAND",
      `unknown command ${input}`,
      corrections.length > 0 ? `did you mean ${corrections.join(" or ")}?` : "sealflow --help lists them",
      ansiColor,
    ),
  exceptionWhileLoadingCommandFunction: (exception, ansiColor) =>
    usageError(
      "CLI_INTERNAL",
      `the command could not be loaded: ${messageOf(exception)}`,
      "install sealflow again; sealflow doctor checks this machine",
      ansiColor,
    ),
};
