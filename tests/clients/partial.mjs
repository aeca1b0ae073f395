// urql and Apollo Client ask through a partner's proxy for a field that its token does not open:
//   node partial.mjs <proxy>
// What each of them makes of data that comes with an error is printed as JSON for the test.
import { Client, fetchExchange, gql } from "@urql/core";
import { ApolloClient, HttpLink, InMemoryCache } from "@apollo/client/core";

const url = `${process.argv[2]}/graphql`;
const list = gql`query Values {
  instruments(search: "talos", first: 2) { totalCount nodes { id key originalValue { amount } } }
}`;
const refused = gql`query Wrong { instruments(first: 1, last: 1) { totalCount } }`;
const page = gql`query Page($after: String) {
  instruments(first: 1, after: $after) { edges { cursor node { id key } } pageInfo { hasNextPage endCursor } }
}`;
const codes = (errors) => (errors ?? []).map((each) => each.extensions?.code);
const told = {};

const urql = new Client({ url, exchanges: [fetchExchange], preferGetMethod: false });
const whole = await urql.query(list, {}).toPromise();
told.urql = {
  keys: whole.data?.instruments.nodes.map((each) => each.key),
  values: whole.data?.instruments.nodes.map((each) => each.originalValue),
  codes: codes(whole.error?.graphQLErrors),
  sources: whole.extensions?.sources?.length,
};
const nothing = await urql.query(refused, {}).toPromise();
told.urqlRefused = { data: nothing.data ?? null, codes: codes(nothing.error?.graphQLErrors) };
const first = await urql.query(page, {}).toPromise();
const second = await urql.query(page, { after: first.data.instruments.pageInfo.endCursor }).toPromise();
told.pages = [first, second].map((each) => each.data.instruments.edges[0].node.key);

const apollo = new ApolloClient({ link: new HttpLink({ uri: url }), cache: new InMemoryCache() });
const some = await apollo.query({ query: list, errorPolicy: "all", fetchPolicy: "no-cache" });
told.apollo = {
  keys: some.data?.instruments.nodes.map((each) => each.key),
  values: some.data?.instruments.nodes.map((each) => each.originalValue),
  codes: codes(some.error?.errors),
};
try {
  const none = await apollo.query({ query: list, fetchPolicy: "no-cache" });
  told.apolloByItself = { data: none.data ?? null, codes: codes(none.error?.errors) };
} catch (error) {
  told.apolloByItself = { data: null, codes: codes(error.errors) };
}
console.log(JSON.stringify(told));
