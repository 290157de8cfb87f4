// The page of /playground: GraphiQL, asking the gateway that served it. Built by build-playground.mjs.
import React from "react";
import { createRoot } from "react-dom/client";
import { GraphiQL } from "graphiql";
import "graphiql/graphiql.css";

const WELCOME = `# Nova's playground. Run SignIn, then Home: this page keeps
# the token until it is closed. The docs (top left) explain
# every field.

mutation SignIn {
  signIn(input: {
    login: "a handle that nova up printed"
    password: "its password"
  }) {
    viewer { user { handle displayName } }
    tokens { accessToken expiresIn }
    userErrors { code message }
  }
}

query Home {
  homeFeed(first: 5) {
    edges {
      node {
        caption
        author { handle displayName }
        likeCount
        comments(first: 3) {
          edges { node { text author { handle } } }
        }
      }
      why { source score }
    }
    pageInfo { endCursor hasNextPage }
  }
}
`;

const PATH = "/graphql";
let accessToken = null;

// GraphiQL shows whatever JSON comes back, refusals included. A header of the tab goes before the token of a sign-in.
async function fetcher(body, options) {
  const headers = new Headers({
    accept: "application/graphql-response+json, application/json",
    "content-type": "application/json",
  });
  if (accessToken) headers.set("authorization", `Bearer ${accessToken}`);
  for (const [name, value] of Object.entries(options?.headers ?? {})) headers.set(name, value);
  const response = await fetch(PATH, { method: "POST", headers, body: JSON.stringify(body) });
  const answer = await response.json();
  for (const payload of Object.values(answer.data ?? {})) {
    accessToken = payload?.tokens?.accessToken ?? accessToken;
  }
  return answer;
}

createRoot(document.getElementById("playground")).render(
  <GraphiQL fetcher={fetcher} defaultQuery={WELCOME} defaultEditorToolsVisibility="headers" shouldPersistHeaders={false} />,
);
