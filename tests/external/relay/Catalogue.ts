// A list that loads further pages, of rows that refetch themselves: what Relay expects of a schema.
import { graphql } from "react-relay";

export const query = graphql`
  query CatalogueQuery($search: String!) {
    ...Catalogue_list @arguments(search: $search)
  }
`;

export const list = graphql`
  fragment Catalogue_list on Query
  @argumentDefinitions(
    search: { type: "String!" }
    count: { type: "Int", defaultValue: 20 }
    cursor: { type: "String" }
  )
  @refetchable(queryName: "CataloguePageQuery") {
    instruments(search: $search, first: $count, after: $cursor)
      @connection(key: "Catalogue_instruments") {
      edges {
        node {
          ...Catalogue_row
        }
      }
    }
  }
`;

export const row = graphql`
  fragment Catalogue_row on Instrument @refetchable(queryName: "CatalogueRowQuery") {
    name {
      zh
      en
    }
    institution {
      name {
        zh
      }
    }
  }
`;
