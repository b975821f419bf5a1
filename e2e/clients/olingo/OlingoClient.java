import java.io.InputStream;
import java.net.URI;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.UUID;

import org.apache.http.impl.client.DefaultHttpClient;
import org.apache.olingo.client.api.ODataClient;
import org.apache.olingo.client.api.communication.ODataClientErrorException;
import org.apache.olingo.client.api.communication.request.cud.UpdateType;
import org.apache.olingo.client.api.domain.*;
import org.apache.olingo.client.api.uri.QueryOption;
import org.apache.olingo.client.api.uri.URIBuilder;
import org.apache.olingo.client.core.ODataClientFactory;
import org.apache.olingo.client.core.http.DefaultHttpClientFactory;
import org.apache.olingo.commons.api.edm.Edm;
import org.apache.olingo.commons.api.edm.FullQualifiedName;
import org.apache.olingo.commons.api.format.ContentType;
import org.apache.olingo.commons.api.http.HttpMethod;

/**
 * The domain API with Apache Olingo's client: metadata, queries, pages, a row from its creation to its end, an
 * action, an Import. It prints one line of JSON for each step; the Go test reads them.
 *
 * <p>usage: java -cp … OlingoClient ROOT TOKEN
 */
public class OlingoClient {
    private final String root;
    private final ODataClient client;

    OlingoClient(String root, String token, ODataClient client) {
        this.root = root;
        this.client = client;
        client.getConfiguration().setDefaultPubFormat(ContentType.JSON);
        client.getConfiguration().setHttpClientFactory(new DefaultHttpClientFactory() {
            @Override
            public DefaultHttpClient create(HttpMethod method, URI uri) {
                DefaultHttpClient http = super.create(method, uri);
                if (uri.toString().startsWith(root)) {
                    http.addRequestInterceptor((request, context) -> request.setHeader("Authorization", "Bearer " + token));
                }
                return http;
            }
        });
    }

    public static void main(String[] args) {
        OlingoClient olingo = new OlingoClient(args[0], args[1], ODataClientFactory.getClient());
        olingo.metadata();
        olingo.queries();
        olingo.pages();
        olingo.row();
        olingo.operations();
    }

    private void metadata() {
        // Not getMetadataRequest: that one loads the vocabularies of OASIS too, from where tests do not reach.
        Edm edm = client.getReader().readMetadata(client.getRetrieveRequestFactory()
            .getRawRequest(client.newURIBuilder(root).appendMetadataSegment().build()).execute().getRawResponse());
        var product = edm.getEntityType(new FullQualifiedName("Erp", "General_Products_Product"));
        step("metadata", "key", product.getKeyPredicateNames().get(0), "sets", edm.getEntityContainer().getEntitySets().size() > 20,
            "base", edm.getEntityType(new FullQualifiedName("Erp", "General_Contacts_Company")).getBaseType().getName());
        var service = client.getRetrieveRequestFactory().getServiceDocumentRequest(root).execute().getBody();
        step("service document", "products", service.getEntitySetURI("General_Products_Products").toString().startsWith(root));
    }

    private void queries() {
        var filters = client.getFilterFactory();
        var args = filters.getArgFactory();
        URI uri = set("General_Products_Products").select("Id", "PartNumber", "StandardPricePerLot", "ABCClass").expand("ProductGroup")
            .filter(filters.and(filters.eq("Active", true), filters.match(args.startswith(
                args.property("PartNumber"), args.literal("TENT-")))))
            .orderBy("PartNumber desc").top(2).count(true).build();
        ClientEntitySet products = entities(uri);
        ClientEntity first = products.getEntities().get(0);
        step("read", "rows", products.getEntities().size(), "more", products.getCount() > 2, "number", text(first, "PartNumber"),
            // Without navigation links, which are in full metadata only, Olingo takes what is expanded for a complex value.
            "price", first.getProperty("StandardPricePerLot").getComplexValue().get("Currency").getValue().toString(),
            "class", text(first, "ABCClass"),
            "group", first.getProperty("ProductGroup").getComplexValue().get("Code").getValue().toString());

        uri = set("Crm_Sales_SalesOrders").select("Id", "DocumentNo", "DocumentDate", "State").top(1)
            .filter("DocumentDate ge 2020-01-02")
            .expandWithOptions("Lines", Map.of(QueryOption.TOP, 1, QueryOption.SELECT, "LineNo,Quantity")).build();
        ClientEntity order = entities(uri).getEntities().get(0);
        step("lines", "lines", order.getProperty("Lines").getCollectionValue().size());
        step("view", "rows", entities(set("Logistics_Inventory_CurrentBalances").filter("QuantityBase/Value ge 1").top(2).build())
            .getEntities().size());
        step("count", "number", Integer.parseInt(client.getRetrieveRequestFactory().getValueRequest(
            set("General_Products_ProductGroups").appendCountSegment().build()).execute().getBody().toString()) > 1);
    }

    private void pages() {
        List<String> all = new ArrayList<>();
        for (ClientEntity e : entities(set("General_Products_ProductGroups").select("Id", "Code").orderBy("Code").build()).getEntities()) {
            all.add(text(e, "Code"));
        }
        List<String> paged = new ArrayList<>();
        int pages = 0;
        for (URI next = set("General_Products_ProductGroups").select("Id", "Code").orderBy("Code").top(4).build(); next != null; pages++) {
            ClientEntitySet page = entities(next);
            page.getEntities().forEach(e -> paged.add(text(e, "Code")));
            next = page.getNext();
        }
        step("pages", "several", pages > 1, "same", all.equals(paged));
    }

    private void row() {
        ClientObjectFactory objects = client.getObjectFactory();
        ClientEntity group = objects.newEntity(new FullQualifiedName("Erp", "General_Products_ProductGroup"));
        group.getProperties().add(objects.newPrimitiveProperty("Code", string("JAVA")));
        group.getProperties().add(objects.newComplexProperty("Name", objects.newComplexValue("Erp.MultilanguageString")
            .add(objects.newPrimitiveProperty("EN", string("Olingo"))).add(objects.newPrimitiveProperty("BG", string("Език")))));
        URI parent = entities(set("General_Products_ProductGroups").select("Id", "Code").orderBy("Code").top(1).build())
            .getEntities().get(0).getId();
        group.addLink(objects.newEntityNavigationLink("ParentGroup", parent));
        var created = client.getCUDRequestFactory().getEntityCreateRequest(set("General_Products_ProductGroups").build(), group).execute();
        step("created", "status", created.getStatusCode(), "code", text(created.getBody(), "Code"),
            "id", created.getBody().getId() != null);

        URI at = URI.create(created.getHeader("Location").iterator().next());
        ClientEntity row = client.getRetrieveRequestFactory().getEntityRequest(at).execute().getBody();
        step("row", "etag", row.getETag(), "name", row.getProperty("Name").getComplexValue().get("BG").getValue().toString());
        step("patched", "status", patch(at, row.getETag(), "written by Olingo"));
        step("stale", "status", status(() -> patch(at, row.getETag(), "lost")));
        ClientEntity now = client.getRetrieveRequestFactory().getEntityRequest(
            client.newURIBuilder(at.toString()).expand("ParentGroup").build()).execute().getBody();
        step("now", "notes", text(now, "Notes"), "parent", now.getProperty("ParentGroup").getComplexValue().get("Code") != null);

        var delete = client.getCUDRequestFactory().getDeleteRequest(at);
        delete.setIfMatch(now.getETag());
        step("deleted", "status", delete.execute().getStatusCode());
        step("gone", "status", status(() -> client.getRetrieveRequestFactory().getEntityRequest(at).execute().getStatusCode()));
    }

    private void operations() {
        var version = client.getInvokeRequestFactory().getFunctionInvokeRequest(
            client.newURIBuilder(root).appendOperationCallSegment("GetVersion").build(), ClientProperty.class).execute();
        step("function", "status", version.getStatusCode());

        ClientObjectFactory objects = client.getObjectFactory();
        ClientEntity order = entities(set("Crm_Sales_SalesOrders").select("Id", "State")
            .filter("State eq 'Planned' and Void eq false").top(1).build()).getEntities().get(0);
        URI at = client.newURIBuilder(root).appendEntitySetSegment("Crm_Sales_SalesOrders")
            .appendKeySegment(UUID.fromString(text(order, "Id"))).appendActionCallSegment("MakeVoid").build();
        var done = client.getInvokeRequestFactory().getActionInvokeRequest(
            at, ClientEntity.class, Map.of("reason", string("tried by Olingo"))).execute();
        ClientEntity after = client.getRetrieveRequestFactory().getEntityRequest(
            client.newURIBuilder(root).appendEntitySetSegment("Crm_Sales_SalesOrders")
            .appendKeySegment(UUID.fromString(text(order, "Id"))).select("Void", "VoidReason").build()).execute().getBody();
        step("action", "status", done.getStatusCode(), "void", after.getProperty("Void").getPrimitiveValue().toValue(),
            "reason", text(after, "VoidReason"));
    }

    private int patch(URI at, String etag, String notes) {
        ClientEntity change = client.getObjectFactory().newEntity(new FullQualifiedName("Erp", "General_Products_ProductGroup"));
        change.getProperties().add(client.getObjectFactory().newPrimitiveProperty("Notes", string(notes)));
        var request = client.getCUDRequestFactory().getEntityUpdateRequest(at, UpdateType.PATCH, change);
        request.setIfMatch(etag);
        return request.execute().getStatusCode();
    }

    private URIBuilder set(String name) {
        return client.newURIBuilder(root).appendEntitySetSegment(name);
    }

    private ClientEntitySet entities(URI uri) {
        return client.getRetrieveRequestFactory().getEntitySetRequest(uri).execute().getBody();
    }

    private ClientPrimitiveValue string(String text) {
        return client.getObjectFactory().newPrimitiveValueBuilder().buildString(text);
    }

    private static String text(ClientEntity e, String property) {
        return e.getProperty(property).getValue().toString();
    }

    private static int status(java.util.function.IntSupplier call) {
        try {
            return call.getAsInt();
        } catch (ODataClientErrorException e) {
            return e.getStatusLine().getStatusCode();
        }
    }

    private static void step(String name, Object... facts) {
        StringBuilder line = new StringBuilder("{\"step\":\"" + name + "\"");
        for (int i = 0; i < facts.length; i += 2) {
            Object value = facts[i + 1];
            line.append(",\"").append(facts[i]).append("\":");
            line.append(value instanceof String s ? "\"" + s.replace("\\", "\\\\").replace("\"", "\\\"") + "\"" : String.valueOf(value));
        }
        System.out.println(line.append('}'));
    }
}
