package org.app;

import java.util.List;
import org.app.model.*;

public class Shop extends Base implements Openable {
    private final List<Item> items;
    static int count = 0;

    Shop(List<Item> items) {
        this.items = items;
        count++;
    }

    public Item first(String name) {
        for (Item item : items) {
            if (item.getName().equals(name)) return item;
        }
        Item made = new Item(name);
        var other = new Shop(null);
        other.close();
        Runnable run = () -> made.use(count);
        return super.fallback(made);
    }

    void close() { first("x").use(1); log(); }
}
