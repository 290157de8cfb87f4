// The page of /playground: GraphiQL, asking the gateway that served it. Built by build-playground.mjs.
import React from "react";
import { createRoot } from "react-dom/client";
import { GraphiQL } from "graphiql";
import "graphiql/graphiql.css";

const WELCOME = `# Nova's playground. Sign in, copy accessToken, and put it into the Headers tab below:
#   { "Authorization": "Bearer <accessToken>" }
# Then run Home. The docs (top left) explain every field.

mutation SignIn {
  signIn(input: { login: "a handle that nova up printed", password: "its password" }) {
    tokens { accessToken expiresIn }
    userErrors { code message }
  }
}

query Home {
  homeFeed(first: 5) {
    edges {
      why { source score contributions { name value weight } }
      node {
        caption
        author { handle displayName }
        likeCount
        comments(first: 3) { edges { node { text author { handle } } } }
      }
    }
    pageInfo { endCursor hasNextPage }
  }
}
`;

const PATH = "/graphql";

// GraphiQL shows whatever JSON comes back, refusals included.
async function fetcher(body, options) {
  const response = await fetch(PATH, {
    method: "POST",
    headers: {
      accept: "application/graphql-response+json, application/json",
      "content-type": "application/json",
      ...options?.headers,
    },
    body: JSON.stringify(body),
  });
  return response.json();
}

createRoot(document.getElementById("playground")).render(
  <GraphiQL fetcher={fetcher} defaultQuery={WELCOME} defaultEditorToolsVisibility="headers" shouldPersistHeaders={false} />,
);
