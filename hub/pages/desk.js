// What the pages of desks share: one act at a time, what it said that is wrong, and a registered document
// asked at the public interface under the key of the reader.
import { at, bodyOf, reasonOf, refusalLine, wordsOf } from "/pages/dom.js";

export const showErrors = (...lines) => at("errors").replaceChildren(...lines);
export const linesOf = (problems) => problems.map((each) => refusalLine(each.code, wordsOf(each)));

// The page says that it works until the act is over; what it threw is told.
export async function working(act) {
  document.body.dataset.state = "working";
  showErrors();
  try {
    await act();
  } catch (error) {
    showErrors(refusalLine("NO_ANSWER", reasonOf(error)));
  } finally {
    document.body.dataset.state = "ready";
  }
}

// The data of a registered document, and what was refused of it. `signed`: how the request is signed, if it is.
export async function ask(session, documentId, variables, signed = {}) {
  const answer = await session.request("POST", "/graphql", {
    body: JSON.stringify({ documentId, variables }), type: "application/json",
    accept: "application/graphql-response+json", ...signed,
  });
  const body = await bodyOf(answer);
  const problems = body.errors?.map(({ message, extensions }) => ({ code: extensions?.code, detail: extensions?.detail ?? message }));
  return { data: body.data ?? {}, problems: problems ?? (answer.ok ? [] : [body]) };
}

// The one field of a registered document, or nothing where it was refused, which the page then says.
export async function askOne(session, documentId, variables) {
  const { data, problems } = await ask(session, documentId, variables);
  showErrors(...linesOf(problems));
  return problems.length ? null : Object.values(data)[0];
}
