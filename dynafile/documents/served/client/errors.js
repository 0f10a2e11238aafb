// What goes wrong: one class, whose code is the name of the error in Python.

/**
 * An error of the server, or of a request that was refused before it was sent (status 0).
 */
export class DocumentsError extends Error {
  /**
   * @param {string} code such as "DocumentNotFound".
   * @param {string} detail what was wrong, and what to do.
   * @param {{status?: number, problem?: Record<string, unknown>, cause?: unknown}} [more]
   */
  constructor(code, detail, { status = 0, problem = {}, cause } = {}) {
    super(detail, { cause });
    this.name = "DocumentsError";
    this.code = code;
    this.detail = detail;
    this.status = status;
    this.problem = problem;
  }
}

/**
 * Return the error that an answer tells of, which should be a problem (RFC 9457).
 * @param {any} problem
 * @param {number} status
 * @returns {DocumentsError}
 */
export function errorOf(problem, status) {
  if (typeof problem?.code !== "string") {
    const detail = `the server answered ${status}, and not as a server of documents does`;
    return new DocumentsError("ServerFailed", detail, { status });
  }
  const detail = typeof problem.detail === "string" ? problem.detail : problem.code;
  return new DocumentsError(problem.code, detail, { status: problem.status ?? status, problem });
}

/**
 * Return the error of an argument that cannot be meant.
 * @param {string} detail
 * @returns {DocumentsError}
 */
export function wrongArgument(detail) {
  return new DocumentsError("InvalidDocumentArgument", detail);
}

/**
 * Return a value as messages show it, not at length.
 * @param {unknown} value
 * @returns {string}
 */
export function shown(value) {
  const text = typeof value === "string" ? JSON.stringify(value) : String(value);
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
}
